// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// A live patch (Documentation/livepatch), for the lab only: /proc/version says something else. It stays until the guest ends.
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int patched_version(struct seq_file *file, void *unused)
{
	seq_puts(file, "patched\n");
	return 0;
}

static struct klp_func functions[] = {
	{
		.old_name = "version_proc_show",
		.new_func = patched_version,
	},
	{}
};

static struct klp_object objects[] = {
	{
		// No name: the kernel itself.
		.funcs = functions,
	},
	{}
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init patching_init(void)
{
	return klp_enable_patch(&patch);
}

module_init(patching_init);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("patches the running kernel, for tests");
MODULE_INFO(livepatch, "Y");
