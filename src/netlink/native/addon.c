/*
 * The native edge of the netlink library: what Node.js cannot do by itself, and nothing else.
 *
 * Sockets of family AF_NETLINK (open, also in another network namespace; options, send, receive), a thread that
 * waits for multicast messages, and one datagram to systemd's notification socket. Encoding and decoding of messages
 * is done in TypeScript.
 *
 * In: numbers, strings and buffers. Out: numbers; a negative number is a negated errno, as system calls in the kernel
 * return it. Wrong argument types throw a TypeError. There is no process-wide state, so that the addon can be loaded in
 * any number of worker threads. Only Node-API is used: one binary serves every Node.js from version 20 on.
 */
#define _GNU_SOURCE
#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#include <node_api.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A notification is far smaller than a page or two; only a route with thousands of next hops comes near this. */
#define DATAGRAM_MAX (64 * 1024)
#define BATCH_BYTES (256 * 1024)
/* Batches that may wait for the JavaScript thread. Beyond, the socket's own buffer fills, which the kernel reports. */
#define BATCH_QUEUE 16

typedef struct {
  int fd;
  /* The network namespace that the socket was opened in by a path; -1: that of the process. */
  int namespace_fd;
  int wake_fd;
  bool watching;
  pthread_t thread;
  napi_threadsafe_function deliver;
  napi_env env;
} nl_socket;

typedef struct {
  int status;
  size_t length;
  char bytes[];
} nl_batch;

static const napi_type_tag socket_tag = {0x6f766e2d6267702dULL, 0x6e65746c696e6b31ULL};

/* ---- arguments and results ---- */

#define MAX_ARGUMENTS 4

static bool get_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv) {
  size_t argc = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < wanted) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "netlink addon: too few arguments");
    return false;
  }
  return true;
}

static nl_socket *get_socket(napi_env env, napi_value value) {
  bool ours = false;
  void *pointer = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object ||
      napi_check_object_type_tag(env, value, &socket_tag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, value, &pointer) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "netlink addon: not a socket handle");
    return NULL;
  }
  return pointer;
}

static bool get_int(napi_env env, napi_value value, int32_t *result) {
  if (napi_get_value_int32(env, value, result) == napi_ok) return true;
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "netlink addon: not a number");
  return false;
}

static bool get_buffer(napi_env env, napi_value value, void **data, size_t *length) {
  bool is_buffer = false;
  if (napi_is_buffer(env, value, &is_buffer) == napi_ok && is_buffer &&
      napi_get_buffer_info(env, value, data, length) == napi_ok) {
    return true;
  }
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "netlink addon: not a buffer");
  return false;
}

/* The caller frees the result. */
static char *get_text(napi_env env, napi_value value, size_t *length) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &size) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "netlink addon: not a string");
    return NULL;
  }
  char *text = malloc(size + 1);
  if (text == NULL || napi_get_value_string_utf8(env, value, text, size + 1, length) != napi_ok) {
    free(text);
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "netlink addon: out of memory");
    return NULL;
  }
  return text;
}

static napi_value make_int(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

/* ---- opening and closing ---- */

static int create_socket(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

struct namespace_task {
  int namespace_fd;
  int result;
};

/*
 * Runs in a thread of its own: a socket stays in the namespace in which it was created, and the changed namespace
 * membership ends with the thread. So nothing has to be undone, and no failure can strand a JavaScript thread in the
 * wrong namespace.
 */
static void *create_in_namespace(void *argument) {
  struct namespace_task *task = argument;
  task->result = setns(task->namespace_fd, CLONE_NEWNET) < 0 ? -errno : create_socket();
  return NULL;
}

/* A socket in that namespace | -errno */
static int create_socket_in(int namespace_fd) {
  struct namespace_task task = {.namespace_fd = namespace_fd, .result = -EAGAIN};
  pthread_t thread;
  int failure = pthread_create(&thread, NULL, create_in_namespace, &task);
  if (failure != 0) return -failure;
  pthread_join(thread, NULL);
  return task.result;
}

static void close_descriptors(nl_socket *socket) {
  if (socket->fd >= 0) close(socket->fd);
  if (socket->namespace_fd >= 0) close(socket->namespace_fd);
  socket->fd = -1;
  socket->namespace_fd = -1;
}

static void stop_watching(nl_socket *socket) {
  if (!socket->watching) return;
  socket->watching = false;
  uint64_t one = 1;
  ssize_t written = write(socket->wake_fd, &one, sizeof one);
  (void)written; /* An eventfd of value 0 always takes a 1. */
  /* Also wakes the thread when it waits for room in the queue. */
  napi_release_threadsafe_function(socket->deliver, napi_tsfn_abort);
  pthread_join(socket->thread, NULL);
  close(socket->wake_fd);
  socket->wake_fd = -1;
}

static void on_environment_exit(void *argument);

static void shut(nl_socket *socket) {
  if (socket->watching) napi_remove_env_cleanup_hook(socket->env, on_environment_exit, socket);
  stop_watching(socket);
  close_descriptors(socket);
}

/* A worker thread ends: its poll thread must be gone before the environment is. */
static void on_environment_exit(void *argument) {
  nl_socket *socket = argument;
  stop_watching(socket);
  close_descriptors(socket);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  shut(data);
  free(data);
}

/*
 * open(where: string | handle | null): handle | -errno
 *
 * A path of a network namespace is opened once: sockets beside that one are in the same namespace, also when the path has
 * become that of another one.
 */
static napi_value nl_open(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  if (!get_arguments(env, info, 1, argv)) return NULL;
  napi_valuetype type;
  if (napi_typeof(env, argv[0], &type) != napi_ok) return NULL;
  int namespace_fd = -1;
  if (type == napi_object) {
    nl_socket *beside = get_socket(env, argv[0]);
    if (beside == NULL) return NULL;
    if (beside->fd < 0) return make_int(env, -EBADF);
    if (beside->namespace_fd >= 0) {
      namespace_fd = fcntl(beside->namespace_fd, F_DUPFD_CLOEXEC, 0);
      if (namespace_fd < 0) return make_int(env, -errno);
    }
  } else if (type != napi_null && type != napi_undefined) {
    size_t length;
    char *path = get_text(env, argv[0], &length);
    if (path == NULL) return NULL;
    namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = -errno;
    free(path);
    if (namespace_fd < 0) return make_int(env, error);
  }
  int fd = namespace_fd < 0 ? create_socket() : create_socket_in(namespace_fd);
  if (fd < 0) {
    if (namespace_fd >= 0) close(namespace_fd);
    return make_int(env, fd);
  }

  nl_socket *socket = calloc(1, sizeof *socket);
  napi_value handle = NULL;
  if (socket == NULL || napi_create_object(env, &handle) != napi_ok) goto failed;
  socket->fd = fd;
  socket->namespace_fd = namespace_fd;
  socket->wake_fd = -1;
  socket->env = env;
  if (napi_type_tag_object(env, handle, &socket_tag) != napi_ok ||
      napi_wrap(env, handle, socket, on_collected, NULL, NULL) != napi_ok) {
    goto failed;
  }
  return handle;

failed:
  free(socket);
  close(fd);
  if (namespace_fd >= 0) close(namespace_fd);
  return make_int(env, -ENOMEM);
}

/* close(handle): void; may be called again */
static napi_value nl_close(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  if (!get_arguments(env, info, 1, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket != NULL) shut(socket);
  return NULL;
}

/* ---- options, sending, receiving ---- */

/* setOption(handle, level, name, value): 0 | -errno */
static napi_value nl_set_option(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  int32_t level, name, value;
  if (!get_arguments(env, info, 4, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket == NULL || !get_int(env, argv[1], &level) || !get_int(env, argv[2], &name) ||
      !get_int(env, argv[3], &value)) {
    return NULL;
  }
  return make_int(env, setsockopt(socket->fd, level, name, &value, sizeof value) < 0 ? -errno : 0);
}

/* getOption(handle, level, name): value | -errno */
static napi_value nl_get_option(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  int32_t level, name;
  if (!get_arguments(env, info, 3, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket == NULL || !get_int(env, argv[1], &level) || !get_int(env, argv[2], &name)) return NULL;
  int value = 0;
  socklen_t size = sizeof value;
  return make_int(env, getsockopt(socket->fd, level, name, &value, &size) < 0 ? -errno : value);
}

/* send(handle, buffer, length): number of bytes | -errno */
static napi_value nl_send(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  void *data;
  size_t size;
  int32_t length;
  if (!get_arguments(env, info, 3, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket == NULL || !get_buffer(env, argv[1], &data, &size) || !get_int(env, argv[2], &length)) return NULL;
  if (length < 0 || (size_t)length > size) return make_int(env, -EINVAL);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do {
    sent = sendto(socket->fd, data, (size_t)length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return make_int(env, sent < 0 ? -errno : sent);
}

/* Receives one datagram of the kernel; its full length, which is larger than `size` when it was cut. */
static ssize_t receive_from_kernel(int fd, void *data, size_t size) {
  for (;;) {
    struct sockaddr_nl sender = {0};
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    /* Any process may write to our port; only the kernel has the port number 0. */
    if (sender.nl_pid == 0) return length;
  }
}

/* receive(handle, buffer): length of the datagram, even when the buffer was too small | -errno */
static napi_value nl_receive(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  void *data;
  size_t size;
  if (!get_arguments(env, info, 2, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket == NULL || !get_buffer(env, argv[1], &data, &size)) return NULL;
  return make_int(env, receive_from_kernel(socket->fd, data, size));
}

/* ---- notifications ---- */

static void deliver_batch(napi_env env, napi_value callback, void *context, void *data) {
  (void)context;
  nl_batch *batch = data;
  /* Without an environment the function is being torn down; only the memory matters then. */
  if (env != NULL && callback != NULL) {
    napi_value receiver, argv[2];
    if (napi_get_undefined(env, &receiver) == napi_ok &&
        napi_create_buffer_copy(env, batch->length, batch->bytes, NULL, &argv[0]) == napi_ok &&
        napi_create_int32(env, batch->status, &argv[1]) == napi_ok) {
      napi_call_function(env, receiver, callback, 2, argv, NULL);
    }
  }
  free(batch);
}

static void drain(int fd, nl_batch *batch) {
  while (BATCH_BYTES - batch->length >= DATAGRAM_MAX) {
    ssize_t length = receive_from_kernel(fd, batch->bytes + batch->length, DATAGRAM_MAX);
    if (length == -EAGAIN) return;
    if (length < 0 || length > DATAGRAM_MAX) {
      batch->status = length < 0 ? (int)-length : EMSGSIZE;
      return;
    }
    size_t padded = NLMSG_ALIGN((size_t)length);
    memset(batch->bytes + batch->length + length, 0, padded - (size_t)length);
    batch->length += padded;
  }
}

static void *watch_loop(void *argument) {
  nl_socket *socket = argument;
  struct pollfd polled[2] = {{.fd = socket->fd, .events = POLLIN}, {.fd = socket->wake_fd, .events = POLLIN}};
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals belong to the threads of Node.js */
  for (;;) {
    if (poll(polled, 2, -1) < 0) continue;
    if (polled[1].revents != 0) break;
    nl_batch *batch = malloc(sizeof *batch + BATCH_BYTES);
    if (batch == NULL) {
      if (poll(&polled[1], 1, 100) > 0) break;
      continue;
    }
    batch->status = 0;
    batch->length = 0;
    drain(socket->fd, batch);
    if (batch->length == 0 && batch->status == 0) {
      free(batch);
      continue;
    }
    bool lost = batch->status != 0 && batch->status != ENOBUFS && batch->status != EMSGSIZE;
    napi_status status = napi_call_threadsafe_function(socket->deliver, batch, napi_tsfn_blocking);
    if (status != napi_ok) {
      free(batch);
      /* napi_closing has already given up this thread's share of the function. */
      if (status == napi_closing) return NULL;
      break;
    }
    if (lost) break;
  }
  napi_release_threadsafe_function(socket->deliver, napi_tsfn_release);
  return NULL;
}

/*
 * watch(handle, (bytes: Buffer, status: number) => void, keepAlive: boolean): 0 | -errno
 *
 * `bytes` holds whole datagrams one after the other, each padded to 4 bytes. `status` is 0, or the errno that came
 * after them: ENOBUFS (the kernel dropped messages), EMSGSIZE (one was too long); after any other the watch is over.
 * With `keepAlive` false the event loop does not wait for it.
 */
static napi_value nl_watch(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS], name;
  if (!get_arguments(env, info, 2, argv)) return NULL;
  nl_socket *socket = get_socket(env, argv[0]);
  if (socket == NULL) return NULL;
  /* A missing argument is `undefined`, which is no boolean: the watch keeps the process alive. */
  bool keep_alive = true;
  if (napi_get_value_bool(env, argv[2], &keep_alive) != napi_ok) keep_alive = true;
  if (socket->watching) return make_int(env, -EBUSY);
  if (socket->fd < 0) return make_int(env, -EBADF);
  socket->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (socket->wake_fd < 0) return make_int(env, -errno);
  /* Two users: this thread, which aborts, and the poll thread, which calls. */
  if (napi_create_string_utf8(env, "netlink events", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, argv[1], NULL, name, BATCH_QUEUE, 2, NULL, NULL, NULL, deliver_batch,
                                      &socket->deliver) != napi_ok) {
    close(socket->wake_fd);
    socket->wake_fd = -1;
    return make_int(env, -EINVAL);
  }
  int failure = pthread_create(&socket->thread, NULL, watch_loop, socket);
  if (failure != 0) {
    napi_release_threadsafe_function(socket->deliver, napi_tsfn_release);
    napi_release_threadsafe_function(socket->deliver, napi_tsfn_abort);
    close(socket->wake_fd);
    socket->wake_fd = -1;
    return make_int(env, -failure);
  }
  if (!keep_alive) napi_unref_threadsafe_function(env, socket->deliver);
  socket->watching = true;
  /* Hooks run last in, first out: registered after the threadsafe function, so run before that is torn down. */
  napi_add_env_cleanup_hook(env, on_environment_exit, socket);
  return make_int(env, 0);
}

/* ---- systemd ---- */

/* sdNotify(path, message): 0 | -errno; see sd_notify(3). A leading `@` means the abstract name space. */
static napi_value sd_notify(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGUMENTS];
  if (!get_arguments(env, info, 2, argv)) return NULL;
  size_t path_length, message_length;
  char *path = get_text(env, argv[0], &path_length);
  if (path == NULL) return NULL;
  char *message = get_text(env, argv[1], &message_length);
  if (message == NULL) {
    free(path);
    return NULL;
  }
  int result = 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path_length < 2 || (path[0] != '/' && path[0] != '@')) {
    result = -EINVAL;
  } else if (path_length >= sizeof address.sun_path) {
    result = -ENAMETOOLONG;
  } else {
    memcpy(address.sun_path, path, path_length);
    if (path[0] == '@') address.sun_path[0] = '\0';
    /* An abstract name is as long as it says; a path ends with a zero byte, which the zeroed structure provides. */
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + (path[0] == '/' ? 1 : 0));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      result = -errno;
    } else {
      ssize_t sent;
      do {
        sent = sendto(fd, message, message_length, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size);
      } while (sent < 0 && errno == EINTR);
      if (sent < 0) result = -errno;
      close(fd);
    }
  }
  free(path);
  free(message);
  return make_int(env, result);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, nl_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, nl_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"setOption", NULL, nl_set_option, NULL, NULL, NULL, napi_enumerable, NULL},
      {"getOption", NULL, nl_get_option, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, nl_send, NULL, NULL, NULL, napi_enumerable, NULL},
      {"receive", NULL, nl_receive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watch", NULL, nl_watch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sdNotify", NULL, sd_notify, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}
