/* The emulated link between two TUN devices: queue, loss and delay, a direction each.
 *
 * Built on demand by compiled.py; emulator.py does the same in Python, drop_tail.py has the
 * arithmetic, and packet_log.py the layout of the log. The tests compare all of them.
 *
 *     emulator NEAR FAR LOG RECORDS SPIN CPU  RATE BUFFER DELAY LOSS SEED  RATE BUFFER DELAY LOSS SEED
 *     emulator --replay RATE BUFFER DELAY LOSS SEED
 *
 * NEAR and FAR are descriptors of TUN devices without packet information, LOG one of shared memory
 * for a header and RECORDS records; SPIN is how many nanoseconds before a deadline to stop
 * sleeping, CPU where to run or -1. The first direction goes from FAR to NEAR. RATE is bytes a
 * second, BUFFER bytes, DELAY nanoseconds, LOSS a probability times 2^53. It ends at a byte of
 * standard input; when that ends without one, the exit code is 3. With --replay it reads lines of an arrival in nanoseconds and a size, and
 * writes for each when the packet is there, or "full" or "lost".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL
#define LONGEST 65536
#define EMULATOR 50 /* as in priority.py */
#define DIED 3 /* exit code */
#define HEADER 32 /* bytes of a packet, behind its IPv4 header, that the log keeps */

enum fate { CARRIED, FULL, LOST };

/* -- the arithmetic: as in drop_tail.py ------------------------------------------------------- */

struct direction {
    int64_t rate, buffer, delay;
    uint64_t loss, seed, passed;
    int64_t backlog; /* billionths of a byte that wait or are being sent at the time `last` */
    int64_t last;
};

static int is_lost(struct direction *d)
{
    uint64_t z = d->seed + ++d->passed * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return ((z ^ (z >> 31)) >> 11) < d->loss;
}

static enum fate admit(struct direction *d, int64_t now, int64_t size, int64_t *due)
{
    int64_t passed = now - d->last;
    d->backlog = passed > d->backlog / d->rate ? 0 : d->backlog - passed * d->rate;
    d->last = now;
    *due = 0;
    if (d->backlog + size * BILLION > d->buffer * BILLION)
        return FULL;
    d->backlog += size * BILLION;
    if (is_lost(d))
        return LOST;
    *due = now + (d->backlog + d->rate - 1) / d->rate + d->delay;
    return CARRIED;
}

/* -- the log: as in packet_log.py ------------------------------------------------------------- */

struct record {
    int64_t arrival, due, left;
    uint32_t unread;
    uint16_t length;
    uint8_t direction, fate;
    uint8_t header[HEADER];
};

struct log {
    int64_t count, real_time;
    int64_t reserved[6];
    struct record records[];
};

/* -- packets under way ------------------------------------------------------------------------ */

struct packet {
    struct packet *next;
    int64_t due;
    struct record *record;
    int length;
    uint8_t bytes[];
};

struct queue {
    struct packet *head, **tail;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * BILLION + t.tv_nsec;
}

static void deliver(struct queue *q, int device, int64_t time)
{
    struct packet *p = q->head;
    p->record->left = time;
    /* A device that is not up yet, or no more, refuses: the packet is gone, as on a wire. */
    if (write(device, p->bytes, p->length) < 0 && errno != EIO && errno != EINVAL)
        perror("write");
    q->head = p->next;
    if (!q->head)
        q->tail = &q->head;
    free(p);
}

static struct record *note(struct log *log, int64_t records, const uint8_t *bytes, int length)
{
    struct record *r = &log->records[log->count % records];
    int skip = (bytes[0] >> 4) == 4 ? (bytes[0] & 15) * 4 : 0;
    int kept = length - skip < HEADER ? length - skip : HEADER;
    memset(r, 0, sizeof *r);
    if (kept > 0)
        memcpy(r->header, bytes + skip, kept);
    r->length = length;
    return r;
}

static int run(int devices[2], struct log *log, int64_t records, int64_t spin,
               struct direction way[2])
{
    static uint8_t bytes[LONGEST];
    struct queue queues[2] = {{0, &queues[0].head}, {0, &queues[1].head}};
    struct pollfd polled[3] = {{devices[0], POLLIN, 0}, {devices[1], POLLIN, 0}, {0, 0, 0}};
    int64_t empty[2] = {now(), now()}; /* when a device was last seen to hold nothing */
    int64_t checked = now();
    for (;;) {
        int busy = 0;
        int64_t time = now(), next = INT64_MAX;
        for (int i = 0; i < 2; i++) { /* direction 0 leaves by the device 0, the near one */
            if (queues[i].head && queues[i].head->due <= time) {
                deliver(&queues[i], devices[i], time);
                busy = 1;
            }
            int length = read(devices[1 - i], bytes, sizeof bytes);
            time = now();
            if (length <= 0) {
                if (length < 0 && errno != EAGAIN && errno != EINTR && errno != EIO) {
                    perror("read");
                    return 1;
                }
                empty[i] = time;
            } else {
                int64_t due, unread = time - empty[i];
                struct record *r = note(log, records, bytes, length);
                r->arrival = time;
                r->direction = i;
                r->unread = unread > UINT32_MAX ? UINT32_MAX : unread;
                r->fate = admit(&way[i], time, length, &due);
                r->due = due;
                __atomic_store_n(&log->count, log->count + 1, __ATOMIC_RELEASE);
                if (r->fate == CARRIED) {
                    struct packet *p = malloc(sizeof *p + length);
                    if (!p)
                        return 1;
                    p->next = 0;
                    p->due = due;
                    p->record = r;
                    p->length = length;
                    memcpy(p->bytes, bytes, length);
                    *queues[i].tail = p;
                    queues[i].tail = &p->next;
                }
                busy = 1;
            }
            if (queues[i].head && queues[i].head->due < next)
                next = queues[i].head->due;
        }
        int64_t wait = next == INT64_MAX ? INT64_MAX : next - now() - spin;
        if (busy || wait <= 0) {
            if (time - checked < BILLION / 10)
                continue;
            wait = 0;
        }
        struct timespec timeout = {wait / BILLION, wait % BILLION};
        ppoll(polled, 3, wait == INT64_MAX ? 0 : &timeout, 0);
        if (polled[2].revents) { /* a word to end; or an end without: whoever started this died */
            char word;
            return read(0, &word, 1) == 1 ? 0 : DIED;
        }
        checked = now();
        if (wait)
            empty[0] = empty[1] = checked;
    }
}

/* -- the command line ------------------------------------------------------------------------- */

static struct direction parse(char **words)
{
    struct direction d = {0};
    d.rate = strtoll(words[0], 0, 10);
    d.buffer = strtoll(words[1], 0, 10);
    d.delay = strtoll(words[2], 0, 10);
    d.loss = strtoull(words[3], 0, 10);
    d.seed = strtoull(words[4], 0, 10);
    return d;
}

static int replay(struct direction d)
{
    long long arrival, size;
    static const char *const name[] = {"", "full", "lost"};
    while (scanf("%lld %lld", &arrival, &size) == 2) {
        int64_t due;
        enum fate fate = admit(&d, arrival, size, &due);
        if (fate == CARRIED)
            printf("%lld\n", (long long)due);
        else
            puts(name[fate]);
    }
    return 0;
}

int main(int count, char **words)
{
    if (count == 7 && !strcmp(words[1], "--replay"))
        return replay(parse(words + 2));
    if (count != 17) {
        fputs("emulator: wrong number of arguments\n", stderr);
        return 2;
    }
    int devices[2] = {atoi(words[1]), atoi(words[2])};
    int64_t records = strtoll(words[4], 0, 10), spin = strtoll(words[5], 0, 10);
    int cpu = atoi(words[6]);
    size_t size = sizeof(struct log) + records * sizeof(struct record);
    struct log *log =
        mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, atoi(words[3]), 0);
    if (log == MAP_FAILED) {
        perror("log");
        return 1;
    }
    struct direction way[2] = {parse(words + 7), parse(words + 12)};
    if (cpu >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one))
            perror("cpu");
    }
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    struct sched_param priority = {.sched_priority = EMULATOR};
    log->real_time = !sched_setscheduler(0, SCHED_FIFO, &priority);
    mlockall(MCL_CURRENT | MCL_FUTURE); /* a page fault is a late packet; may be refused */
    puts("ready");
    fflush(stdout);
    return run(devices, log, records, spin, way);
}
