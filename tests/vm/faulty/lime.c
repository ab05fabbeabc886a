// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// For tests: a module of LiME's name and parameters that does what LiME must not do. Nothing of it is LiME's; what it writes to its
// socket follows the description of the format in collector/src/source/memory/lime/format.rs.
//
// `does` says what. Hozen chooses the parameters of the module that it loads, so a test writes the word into the file instead, in
// place of "nothing" behind the mark "HOZENDOES:".
//
//	nothing	stays loaded and says nothing
//	taken	is refused its port
//	hang	its init function never returns, and it never listens
//	silent	accepts a connection and sends nothing until that is closed
//	garbage	sends what is no image
//	zeros	sends the right headers and zeros
//	early	sends memory and stops in the middle of a range, with an error
//	stays	the same without an error, and it cannot be unloaded
#include <linux/in.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#define MARK "HOZENDOES:"
// Where "early" and "stays" stop.
#define STOP (32ULL << 20)

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

static int send(struct socket *to, void *bytes, size_t length)
{
	struct kvec part = { .iov_base = bytes, .iov_len = length };
	struct msghdr message = {};
	int sent = kernel_sendmsg(to, &message, &part, 1, length);

	if (sent < 0)
		return sent;
	return sent == length ? 0 : -EPIPE;
}

// One range: its header, then its memory or zeros, up to STOP where that is asked.
static int send_range(struct socket *to, struct resource *range, u8 *page, bool memory)
{
	struct header header = {
		.magic = cpu_to_le32(0x4C694D45), .version = cpu_to_le32(1),
		.first = cpu_to_le64(range->start), .last = cpu_to_le64(range->end),
	};
	u64 at = range->start;
	int result = send(to, &header, sizeof(header));

	while (!result && at <= range->end) {
		size_t length = min_t(u64, PAGE_SIZE, range->end - at + 1);

		if (memory && at >= STOP)
			return -EIO;
		memset(page, 0, PAGE_SIZE);
		// A part of a page is not the kernel's, and some pages are not mapped.
		if (memory && length == PAGE_SIZE && copy_from_kernel_nofault(page, __va(at), PAGE_SIZE))
			memset(page, 0, PAGE_SIZE);
		result = send(to, page, length);
		at += length;
	}
	return result;
}

static int send_image(struct socket *to, bool memory)
{
	u8 *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct resource *range;
	int result = 0;

	if (!page)
		return -ENOMEM;
	for (range = iomem_resource.child; range && !result; range = range->sibling)
		if (range->name && !strcmp(range->name, "System RAM"))
			result = send_range(to, range, page, memory);
	kfree(page);
	return result;
}

// Until the other end closes.
static void be_silent(struct socket *peer)
{
	char byte;
	struct kvec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {};

	while (kernel_recvmsg(peer, &message, &part, 1, 1, 0) > 0)
		;
}

static int talk(struct socket *to)
{
	static char garbage[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	int result = 0;

	if (is("garbage"))
		result = send(to, garbage, sizeof(garbage) - 1);
	else if (is("zeros"))
		result = send_image(to, false);
	else if (is("early"))
		result = send_image(to, true);
	else if (is("stays"))
		send_image(to, true);
	else
		be_silent(to);
	return result;
}

static int listen_and_talk(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct socket *listening, *peer = NULL;
	unsigned short port;
	int result;

	if (sscanf(path, "tcp:%hu", &port) != 1)
		return -EINVAL;
	address.sin_port = htons(port);
	result = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &listening);
	if (result)
		return result;
	sock_set_reuseaddr(listening->sk);
	result = kernel_bind(listening, (struct sockaddr *)&address, sizeof(address));
	if (!result)
		result = kernel_listen(listening, 1);
	if (!result)
		result = kernel_accept(listening, &peer, 0);
	if (!result)
		result = talk(peer);
	if (peer) {
		kernel_sock_shutdown(peer, SHUT_RDWR);
		sock_release(peer);
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
