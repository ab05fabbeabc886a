// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// For tests: a device /dev/crash that behaves as the crash driver of Red Hat's kernels does towards who reads it. Offsets are physical
// addresses; a read that does not lie in one page is refused (EINVAL), and so is one of what is no memory (EFAULT). Nothing of that
// driver is here.
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

// Each open file has a page through which all that is read of it goes.
static int crash_open(struct inode *inode, struct file *file)
{
	file->private_data = (void *)__get_free_page(GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int crash_release(struct inode *inode, struct file *file)
{
	free_page((unsigned long)file->private_data);
	return 0;
}

static ssize_t crash_read(struct file *file, char __user *to, size_t count, loff_t *place)
{
	u64 at = *place;

	if (!count)
		return 0;
	if (count > PAGE_SIZE || at >> PAGE_SHIFT != (at + count - 1) >> PAGE_SHIFT)
		return -EINVAL;
	if (!page_is_ram(at >> PAGE_SHIFT) || copy_from_kernel_nofault(file->private_data, __va(at), count))
		return -EFAULT;
	if (copy_to_user(to, file->private_data, count))
		return -EFAULT;
	*place += count;
	return count;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = crash_open,
	.release = crash_release,
	.read = crash_read,
	.llseek = default_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "crash",
	.mode = 0600,
	.fops = &operations,
};

module_misc_device(device);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("shows physical memory as Red Hat's crash driver does, for tests");
