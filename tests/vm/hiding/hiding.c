// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// A module that hides as rootkits do, for the lab only: from /proc/modules and /proc/kallsyms with depth=1, from /sys/module
// as well with depth=2. It does nothing else, and stays until the guest ends.
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/module.h>

static int depth = 1;
module_param(depth, int, 0444);

static int __init hiding_init(void)
{
	// The loader links the module into its list before it calls this, and never looks for it there again.
	list_del_init(&THIS_MODULE->list);
	if (depth > 1)
		kobject_del(&THIS_MODULE->mkobj.kobj);
	return 0;
}

module_init(hiding_init);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("hides, for tests");
