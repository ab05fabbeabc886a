// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// For tests: a module of LiME's name and parameters that does what LiME must not do. Nothing of it is LiME's; what it writes to the
// pipe or socket that it is given follows the description of the format in collector/src/source/memory/lime/format.rs.
//
// `does` says what. Hozen chooses the parameters of the module that it loads, so a test writes the word into the file instead, in
// place of "nothing" behind the mark "HOZENDOES:".
//
//	nothing	stays loaded and says nothing
//	taken	is refused its port
//	socket	cannot open the pipe; sends zeros, with the right headers, through a socket
//	hang	its init function never returns, and it opens nothing
//	silent	sends nothing but half a header until the other end is closed
//	garbage	sends what is no image
//	zeros	sends the right headers and zeros
//	early	sends memory and stops in the middle of a range, with an error
//	stays	the same without an error, and it cannot be unloaded
//	skips	sends memory, all of it, and complains in the kernel's log that it left some out
//	tcp	cannot open the pipe; sends memory, all of it, through a socket
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#define MARK "HOZENDOES:"
// Where "early" and "stays" stop.
#define STOP (32ULL << 20)
// Nothing but zeros, and all of memory.
#define NOTHING 0
#define ALL U64_MAX

static char does[32] = MARK "nothing";
module_param_string(does, does, sizeof(does), 0444);
static char *path = "";
module_param(path, charp, 0444);
static char *format = "";
module_param(format, charp, 0444);
static int localhostonly;
module_param(localhostonly, int, 0444);
static long timeout;
module_param(timeout, long, 0444);

struct header {
	__le32 magic, version;
	__le64 first, last;
	u8 reserved[8];
} __packed;

static bool is(const char *word)
{
	return !strcmp(does + strlen(MARK), word);
}

// Where it writes to: one of both.
struct target {
	struct socket *peer;
	struct file *pipe;
};

static int send(struct target *to, void *bytes, size_t length)
{
	struct kvec part = { .iov_base = bytes, .iov_len = length };
	struct msghdr message = {};
	loff_t at = 0;
	ssize_t sent = to->pipe ? kernel_write(to->pipe, bytes, length, &at) : kernel_sendmsg(to->peer, &message, &part, 1, length);

	if (sent < 0)
		return sent;
	return sent == length ? 0 : -EPIPE;
}

// One range: its header, then its memory up to `stop`, where it fails; zeros, and all of them, where that is NOTHING.
static int send_range(struct target *to, struct resource *range, u8 *page, u64 stop)
{
	struct header header = {
		.magic = cpu_to_le32(0x4C694D45), .version = cpu_to_le32(1),
		.first = cpu_to_le64(range->start), .last = cpu_to_le64(range->end),
	};
	u64 at = range->start;
	int result = send(to, &header, sizeof(header));

	while (!result && at <= range->end) {
		size_t length = min_t(u64, PAGE_SIZE, range->end - at + 1);

		if (stop != NOTHING && at >= stop)
			return -EIO;
		memset(page, 0, PAGE_SIZE);
		// A part of a page is not the kernel's, and some pages are not mapped.
		if (stop != NOTHING && length == PAGE_SIZE && copy_from_kernel_nofault(page, __va(at), PAGE_SIZE))
			memset(page, 0, PAGE_SIZE);
		result = send(to, page, length);
		at += length;
	}
	return result;
}

static int send_image(struct target *to, u64 stop)
{
	u8 *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct resource *range;
	int result = 0;

	if (!page)
		return -ENOMEM;
	for (range = iomem_resource.child; range && !result; range = range->sibling)
		if (range->name && !strcmp(range->name, "System RAM"))
			result = send_range(to, range, page, stop);
	kfree(page);
	return result;
}

// Until the other end closes.
static void be_silent(struct target *to)
{
	char byte;
	struct kvec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {};

	send(to, "EMiL", 4);
	if (to->pipe)
		while (!(vfs_poll(to->pipe, NULL) & EPOLLERR) && !fatal_signal_pending(current))
			schedule_timeout_killable(HZ / 10);
	else
		while (kernel_recvmsg(to->peer, &message, &part, 1, 1, 0) > 0)
			;
}

static int talk(struct target *to)
{
	static char garbage[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	int result = 0;

	if (is("garbage"))
		result = send(to, garbage, sizeof(garbage) - 1);
	else if (is("zeros") || is("socket"))
		result = send_image(to, NOTHING);
	else if (is("early"))
		result = send_image(to, STOP);
	else if (is("stays"))
		send_image(to, STOP);
	else if (is("skips") || is("tcp"))
		result = send_image(to, ALL);
	else
		be_silent(to);
	// In LiME's words.
	if (is("skips"))
		pr_err("[LiME] Reading is too slow.  Skipping Range...\n");
	return result;
}

static int open_and_talk(void)
{
	struct target to = { .pipe = filp_open(path, O_WRONLY | O_LARGEFILE, 0) };
	int result;

	if (IS_ERR(to.pipe))
		return PTR_ERR(to.pipe);
	result = talk(&to);
	filp_close(to.pipe, NULL);
	return result;
}

static int listen_and_talk(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct socket *listening;
	struct target to = {};
	unsigned short port;
	int result;

	if (sscanf(path, "tcp:%hu", &port) != 1)
		return is("socket") || is("tcp") ? -ENXIO : open_and_talk();
	address.sin_port = htons(port);
	result = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &listening);
	if (result)
		return result;
	sock_set_reuseaddr(listening->sk);
	result = kernel_bind(listening, (struct sockaddr *)&address, sizeof(address));
	if (!result)
		result = kernel_listen(listening, 1);
	if (!result)
		result = kernel_accept(listening, &to.peer, 0);
	if (!result)
		result = talk(&to);
	if (to.peer) {
		kernel_sock_shutdown(to.peer, SHUT_RDWR);
		sock_release(to.peer);
	}
	sock_release(listening);
	return result;
}

static int __init faulty_init(void)
{
	if (is("nothing"))
		return 0;
	if (is("taken"))
		return -EADDRINUSE;
	if (is("hang")) {
		// A signal that kills ends it, so that the process that loads it can end.
		while (!fatal_signal_pending(current))
			schedule_timeout_killable(HZ);
		return -EINTR;
	}
	if (is("stays"))
		__module_get(THIS_MODULE);
	return listen_and_talk();
}

static void __exit faulty_exit(void)
{
}

module_init(faulty_init);
module_exit(faulty_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("does what LiME must not do, for tests");
