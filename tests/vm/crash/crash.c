// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// For tests: /dev/crash as the crash driver of Red Hat's kernels offers it, for a kernel that has none. Nothing of that driver is here;
// this does what a reader of it relies on: an offset is a physical address, a read lies in one page or is refused (EINVAL), and where
// there is no memory, or none that can be read, the answer is EFAULT.
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static ssize_t crash_read(struct file *file, char __user *to, size_t length, loff_t *at)
{
	phys_addr_t from = *at;
	ssize_t result = -EFAULT;
	void *copy;

	if (!length)
		return 0;
	if (length > PAGE_SIZE || PFN_DOWN(from) != PFN_DOWN(from + length - 1))
		return -EINVAL;
	if (!pfn_valid(PFN_DOWN(from)))
		return -EFAULT;
	// By way of a page of its own: some pages are not mapped, and others must not be copied to a program directly.
	copy = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	if (!copy_from_kernel_nofault(copy, __va(from), length) && !copy_to_user(to, copy, length)) {
		*at += length;
		result = length;
	}
	kfree(copy);
	return result;
}

static const struct file_operations crash_operations = {
	.owner = THIS_MODULE,
	.llseek = no_seek_end_llseek,
	.read = crash_read,
};

static struct miscdevice crash_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "crash",
	.fops = &crash_operations,
};

module_misc_device(crash_device);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("/dev/crash, for tests");
