/* The file that Lambda starts, /opt/extensions/datadog-agent: the steps of reactor/stage0.py, in a fraction of a millisecond.
 *
 * It opens the ports, registers, subscribes to telemetry, asks for the first event, writes down what it did (the hand-over record, in memory)
 * and becomes the interpreter, which finds the sockets open. It decides nothing: at whatever step it fails, it hands over what it has, and the
 * reactor does the rest. Only when there is no interpreter to become does it stay, and asks for events, so that no invocation hangs.
 *
 * Everything it reads has a bound in bytes and in time; it allocates no memory. tests/launcher holds it and stage 0 to the same behaviour. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef LAYER_ROOT /* given by the layer's build */
#define LAYER_ROOT "/opt/lambda-reactor"
#endif
#ifndef TELEMETRY_PORT /* a test chooses other ports, and shorter waits */
enum { TELEMETRY_PORT = 8999, LIFECYCLE_PORT = 8124, TRACE_PORT = 8126, DOGSTATSD_PORT = 8125 };
enum { REGISTER_MS_MAX = 10000, SUBSCRIBE_MS_MAX = 300 };
#endif
enum { ASK_EARLY = 1 }; /* ask for the first event before the program is loaded, as stage 0's constant of this name */
enum { RECORD_VERSION = 1, BACKLOG = 128, RECEIVE_BUFFER_BYTES = 8 << 20, FAILURES_MAX = 5, FOREVER = -1 };
enum { ANSWER_BYTES_MAX = 65536, REQUEST_BYTES_MAX = 2048, IDENTIFIER_BYTES_MAX = 256, VARIABLE_BYTES_MAX = 128 };

extern char **environ;
static int record = -1;                   /* in memory, inherited by the interpreter */
static char answer[ANSWER_BYTES_MAX + 1]; /* the last one of the platform, with a zero behind it */
static size_t answer_size;
static char identifier[IDENTIFIER_BYTES_MAX + 1]; /* as the platform gave it; empty: not registered */
static const char *runtime_api;
static int telemetry_port;
static long long began_ns; /* monotonic */

static long long now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Into the record: `WORD KEY LENGTH`, a line feed, LENGTH bytes, a line feed; reactor/hand_over.py reads it. */
static void note(const char *word, const char *key, const char *value, size_t size) {
    dprintf(record, "%s %s %zu\n", word, key, size); /* one that is cut short, for want of memory, is refused by its reader */
    if (write(record, value, size) == (ssize_t)size) (void)!write(record, "\n", 1);
}

static void note_number(const char *word, const char *key, long long number) {
    char text[32];
    note(word, key, text, (size_t)snprintf(text, sizeof text, "%lld", number));
}
static void note_error(const char *key, const char *text) { note("error", key, text, strlen(text)); }
static void note_time(const char *key) { note_number("time", key, now_ns(CLOCK_MONOTONIC) - began_ns); }

/* What would change the interpreter, its loader or its memory is for the function: told in the record, and not in force here. */
static void set_variables_aside(void) {
    static const char *const PREFIXES[] = {"LD_", "PYTHON", "MALLOC_", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH"};
    char **kept = environ, name[VARIABLE_BYTES_MAX];
    for (char **entry = environ; *entry; entry++) {
        size_t size = strcspn(*entry, "="), i = 0, count = sizeof PREFIXES / sizeof *PREFIXES;
        while (i < count && strncmp(*entry, PREFIXES[i], strlen(PREFIXES[i])) != 0) i++;
        if (i == count) {
            *kept++ = *entry;
        } else if ((*entry)[size] && size < sizeof name && strcspn(*entry, " \n") > size) { /* else no setting has such a name */
            memcpy(name, *entry, size);
            name[size] = 0;
            note("variable", name, *entry + size + 1, strlen(*entry + size + 1));
        }
    }
    *kept = NULL;
}

static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int is_plain(void) {
    static const char *const WORDS[] = {"1", "t", "true", "yes", "on"};
    const char *value = variable("DD_PLAIN_START", "");
    value += strspn(value, " \t\n");
    size_t size = strcspn(value, " \t\n");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (size == strlen(WORDS[i]) && strncasecmp(value, WORDS[i], size) == 0) return 1;
    return 0;
}

static int closed(int fd) { /* what failed before it stays in errno */
    int error = errno;
    return close(fd), errno = error, -1;
}

static int bind_socket(const char *role, int type, const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = inet_addr(host)};
    int fd = socket(AF_INET, type, 0), on = 1;
    if (fd >= 0 && type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)))
        fd = closed(fd);
    return fd < 0 ? note_error(role, strerror(errno)) : note_number("socket", role, fd), fd;
}

static void bind_all(void) {
    int telemetry = bind_socket("telemetry", SOCK_STREAM, "0.0.0.0", TELEMETRY_PORT), bytes = RECEIVE_BUFFER_BYTES;
    bind_socket("lifecycle", SOCK_STREAM, "127.0.0.1", LIFECYCLE_PORT);
    bind_socket("trace", SOCK_STREAM, "127.0.0.1", TRACE_PORT);
    if (telemetry < 0) telemetry = bind_socket("telemetry", SOCK_STREAM, "0.0.0.0", 0); /* any other will do, the platform is told which */
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    if (telemetry >= 0 && getsockname(telemetry, (struct sockaddr *)&bound, &size) == 0) telemetry_port = ntohs(bound.sin_port);
    int datagrams = bind_socket("dogstatsd", SOCK_DGRAM, "0.0.0.0", DOGSTATSD_PORT);
    if (datagrams >= 0) setsockopt(datagrams, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* asked for; the kernel grants what it may */
}

static int connect_platform(void) {
    const char *colon = strrchr(runtime_api, ':');
    char host[INET_ADDRSTRLEN] = "", *end = "";
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = REGISTER_MS_MAX / 1000 + 1};
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (colon && (size_t)(colon - runtime_api) < sizeof host) memcpy(host, runtime_api, (size_t)(colon - runtime_api));
    if (port < 1 || port > 65535 || *end || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return errno = EINVAL, -1; /* a name? the reactor can look it up */
    address.sin_port = htons((unsigned short)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* for connecting, too */
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : closed(fd);
}

__attribute__((format(printf, 2, 3))) static int send_request(int fd, const char *format, ...) {
    char request[REQUEST_BYTES_MAX];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(request, sizeof request, format, values);
    va_end(values);
    return size > 0 && (size_t)size < sizeof request && send(fd, request, (size_t)size, MSG_NOSIGNAL) == size;
}

static int send_next(int fd) {
    return send_request(fd, "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Identifier: %s\r\n\r\n",
                        runtime_api, identifier);
}

/* The value of the answer's header, without the blanks around it; NULL if it has none of this name. */
static const char *header(const char *name, size_t *size) {
    const char *line = answer, *stop = strstr(answer, "\r\n\r\n");
    while (stop && (line = strstr(line, "\r\n")) && line < stop) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':') continue;
        const char *value = line + strlen(name) + 1, *end = strstr(value, "\r\n");
        while (value < end && (*value == ' ' || *value == '\t')) value++;
        while (value < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
        *size = (size_t)(end - value);
        return value;
    }
    return NULL;
}

static int header_is(const char *name, const char *word) {
    size_t size = 0;
    const char *value = header(name, &size);
    return value && size == strlen(word) && strncasecmp(value, word, size) == 0;
}

static int is_whole(void) {
    const char *blank = strstr(answer, "\r\n\r\n"), *value;
    size_t size = 0, length = 0;
    if (!blank) return 0;
    size_t body = (size_t)(answer + answer_size - (blank + 4));
    if (header_is("transfer-encoding", "chunked")) return body >= 5 && memcmp(answer + answer_size - 5, "0\r\n\r\n", 5) == 0;
    if (!(value = header("content-length", &size)) || size == 0 || size > 9 || strspn(value, "0123456789") != size) return 0;
    for (size_t i = 0; i < size; i++) length = length * 10 + (size_t)(value[i] - '0');
    return body >= length;
}

/* One whole answer, within this time for all its pieces together: NULL, or why there is none. */
static const char *read_answer(int fd, int ms_max) {
    long long until_ns = now_ns(CLOCK_MONOTONIC) + ms_max * 1000000LL;
    for (answer_size = 0, answer[0] = 0; !is_whole();) {
        long long left_ms = (until_ns - now_ns(CLOCK_MONOTONIC) + 999999) / 1000000;
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        int ready = poll(&readable, 1, ms_max == FOREVER ? FOREVER : left_ms > 0 ? (int)left_ms : 0);
        if (ready == 0) return "timed out"; /* the reactor knows this word */
        if (answer_size == ANSWER_BYTES_MAX) return "the answer is too long";
        ssize_t got = ready < 0 ? -1 : recv(fd, answer + answer_size, ANSWER_BYTES_MAX - answer_size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return strerror(errno);
        if (got == 0) return "closed before the answer was whole";
        if (memchr(answer + answer_size, 0, (size_t)got)) return "a zero byte in the answer"; /* it is searched as text */
        answer_size += (size_t)got;
        answer[answer_size] = 0;
    }
    return NULL;
}

/* Whether the platform said 200; the answer or what is wrong is noted. */
static int is_granted(int fd, const char *step, int ms_max) {
    const char *reason = read_answer(fd, ms_max);
    reason ? note_error(step, reason) : note("answer", step, answer, answer_size);
    return !reason && strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
}

/* Which records to ask for depends on settings; where one of them is set, or a file may set it, the reactor reads it first. */
static int may_subscribe(void) {
    char path[4096];
    struct stat found;
    for (char **entry = environ; *entry; entry++) {
        size_t size = strcspn(*entry, "="), word = strlen("LOGS_ENABLED");
        int is_ours = strncasecmp(*entry, "DD_", 3) == 0 || strncasecmp(*entry, "DATADOG_", 8) == 0;
        if (is_ours && size >= word && strncasecmp(*entry + size - word, "LOGS_ENABLED", word) == 0) return 0;
    }
    int size = snprintf(path, sizeof path, "%s/datadog.yaml", variable("LAMBDA_TASK_ROOT", "/var/task"));
    return telemetry_port > 0 && size > 0 && (size_t)size < sizeof path && stat(path, &found) != 0;
}

/* Whether the first event has been asked for on this socket. */
static int converse(int fd, const char *init_type) {
    int managed = strcmp(init_type, "lambda-managed-instances") == 0;
    int unhurried = strcmp(init_type, "provisioned-concurrency") == 0 || strcmp(init_type, "snap-start") == 0; /* load the program first */
    const char *body = managed ? "{\"events\":[\"SHUTDOWN\"]}" : "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}", *value;
    char subscription[256];
    size_t size = 0;
    if (!send_request(fd, "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Name: datadog-agent\r\n"
                          "Lambda-Extension-Accept-Feature: accountId\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      runtime_api, strlen(body), body)) return 0;
    bind_all(); /* while the platform answers */
    note_time("bound");
    int granted = is_granted(fd, "register", REGISTER_MS_MAX);
    note_time("registered");
    if (!granted || !(value = header("lambda-extension-identifier", &size)) || size == 0 || size > IDENTIFIER_BYTES_MAX) return 0;
    memcpy(identifier, value, size);
    note("value", "identifier", identifier, size);
    if (header_is("connection", "close") || !may_subscribe()) return 0;
    snprintf(subscription, sizeof subscription,
             "{\"schemaVersion\":\"%s\",\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://sandbox:%d/\"},"
             "\"types\":[\"platform\",\"extension\",\"function\"],\"buffering\":{\"maxItems\":1000,\"maxBytes\":262144,\"timeoutMs\":25}}",
             managed ? "2025-01-29" : "2022-12-13", telemetry_port);
    if (!send_request(fd, "PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Identifier: %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      runtime_api, identifier, strlen(subscription), subscription)) return 0;
    granted = is_granted(fd, "subscribe", SUBSCRIBE_MS_MAX);
    note_time("subscribed");
    if (!ASK_EARLY || unhurried || !granted || header_is("connection", "close") || !send_next(fd)) return 0;
    note_time("asked");
    return 1;
}

/* Returns the socket on which the first event was asked for; -1 if none was. */
static int begin(void) {
    note_number("value", "began_epoch_ms", now_ns(CLOCK_REALTIME) / 1000000);
    note_number("value", "began_mono_ms", began_ns / 1000000);
    int fd = connect_platform();
    if (fd < 0) note_error("stage 0", strerror(errno));
    if (fd >= 0 && !converse(fd, variable("AWS_LAMBDA_INITIALIZATION_TYPE", ""))) fd = closed(fd);
    if (fd >= 0) fcntl(fd, F_SETFD, 0), note_number("socket", "platform", fd); /* it lives on in the interpreter */
    note_number("value", "telemetry_port", telemetry_port);
    return fd;
}

/* There is no interpreter: until SHUTDOWN (0), or until the platform is gone (1). Whoever connects to our ports is refused, and does not wait. */
static int keep_asking(int fd) {
    int failures = 0, is_asked = fd >= 0;
    for (int other = 3; other < 16; other++)
        if (other != fd) close(other);
    while (identifier[0] && failures < FAILURES_MAX) {
        if (fd < 0) fd = connect_platform();
        int answered = fd >= 0 && (is_asked || send_next(fd)) && !read_answer(fd, FOREVER) && strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
        if (answered && strstr(answer, "\"SHUTDOWN\"")) return 0;
        failures = answered ? 0 : failures + 1;
        fd = closed(fd), is_asked = 0;
    }
    return 1;
}

int main(void) {
    char number[16], *command[] = {LAYER_ROOT "/bin/python3.11", "-I", "-S", "-X", "utf8", LAYER_ROOT "/start.pyc", number, NULL};
    int asked = -1;
    began_ns = now_ns(CLOCK_MONOTONIC);
    runtime_api = variable("AWS_LAMBDA_RUNTIME_API", "");
    record = memfd_create("hand-over", 0);
    dprintf(record, "hand-over %d\n", RECORD_VERSION);
    set_variables_aside();
    if (record >= 0 && !is_plain()) asked = begin();
    note("end", "record", "", 0);
    snprintf(number, sizeof number, "%d", record); /* -1: nothing is handed over, the reactor does all of it */
    execv(command[0], command);
    dprintf(1, "{\"status\":\"ERROR\",\"message\":\"DD_EXTENSION | ERROR | the extension cannot be started, invocations go on without telemetry: "
               "%s: %s\"}\n", command[0], strerror(errno));
    return keep_asking(asked);
}
