/* The tile instructions (AMX) that compiled/tiles.py uses, for processors without them: each of them
 * is an illegal instruction there, and the handler of that signal does what Intel's manual says. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

typedef struct {
    uint8_t bytes[16][64];
    int rows, columns; /* bytes in a row */
} Tile;

static __thread Tile tiles[8];
static __thread int is_configured;
static long counts[5]; /* of ldtilecfg, tileload, tdpbf16ps, tilestore, tilerelease */

long amx_count(int which) { return counts[which]; }

static const int REGISTERS[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                                  REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13,
                                  REG_R14, REG_R15};

static float flush(float x) { return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x; }

static float upper(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float number;
    memcpy(&number, &word, 4);
    return flush(number);
}

/* a · b + c with one rounding: the product of two bfloat16 is exact in double. */
static float add_product(uint16_t a, uint16_t b, float c) {
    return flush((float)fma((double)upper(a), (double)upper(b), (double)c));
}

static void multiply(Tile *sums, const Tile *left, const Tile *right) {
    for (int m = 0; m < sums->rows; m++) {
        for (int n = 0; n < sums->columns / 4; n++) {
            float parts[2] = {0, 0}, sum;
            for (int k = 0; k < left->columns / 4; k++)
                for (int half = 0; half < 2; half++) {
                    uint16_t a, b;
                    memcpy(&a, &left->bytes[m][4 * k + 2 * half], 2);
                    memcpy(&b, &right->bytes[k][4 * n + 2 * half], 2);
                    parts[half] = add_product(a, b, parts[half]);
                }
            memcpy(&sum, &sums->bytes[m][4 * n], 4);
            sum = flush(flush(sum) + flush(parts[0] + parts[1]));
            memcpy(&sums->bytes[m][4 * n], &sum, 4);
        }
    }
}

static void fail(int number) {
    signal(number, SIG_DFL);
    raise(number);
}

static void handle(int number, siginfo_t *info, void *context) {
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)registers[REG_RIP], *next;
    if (code[0] != 0xC4 || (code[1] & 0x1F) != 2) {
        fail(number);
        return;
    }
    int index_high = code[1] & 0x40 ? 0 : 8, base_high = code[1] & 0x20 ? 0 : 8;
    int prefix = code[2] & 3, source = ~(code[2] >> 3) & 15, operation = code[3], modrm = code[4];
    int mode = modrm >> 6, which = modrm >> 3 & 7, low = modrm & 7;
    uint8_t *start = 0;
    int64_t stride = 0;
    next = code + 5;
    if (mode != 3) {
        int base = low | base_high, has_base = 1;
        int64_t offset = 0;
        if (low == 4) {
            int sib = *next++, index = (sib >> 3 & 7) | index_high;
            base = (sib & 7) | base_high;
            has_base = mode != 0 || (sib & 7) != 5;
            if (index != 4) stride = registers[REGISTERS[index]] << (sib >> 6);
        } else if (mode == 0 && low == 5) {
            has_base = 0;
        }
        if (mode == 1) {
            offset = *(const int8_t *)next;
            next += 1;
        } else if (mode == 2 || !has_base) {
            int32_t wide;
            memcpy(&wide, next, 4);
            offset = wide;
            next += 4;
        }
        start = (uint8_t *)(offset + (has_base ? registers[REGISTERS[base]] : 0));
        if (low == 5 && mode == 0) start += (int64_t)next;
    }
    Tile *tile = &tiles[which];
    if (operation == 0x49 && prefix == 0 && mode != 3) { /* ldtilecfg */
        counts[0]++;
        is_configured = start[0] == 1;
        for (int t = 0; t < 8; t++) {
            memset(&tiles[t], 0, sizeof tiles[t]);
            tiles[t].columns = start[16 + 2 * t] | start[17 + 2 * t] << 8;
            tiles[t].rows = start[48 + t];
        }
    } else if (operation == 0x49 && prefix == 0) { /* tilerelease */
        counts[4]++;
        is_configured = 0;
    } else if (!is_configured) {
        fail(number);
        return;
    } else if (operation == 0x49 && prefix == 3) { /* tilezero */
        memset(tile->bytes, 0, sizeof tile->bytes);
    } else if (operation == 0x4B && prefix == 3) { /* tileloadd */
        counts[1]++;
        memset(tile->bytes, 0, sizeof tile->bytes);
        for (int row = 0; row < tile->rows; row++)
            memcpy(tile->bytes[row], start + row * stride, tile->columns);
    } else if (operation == 0x4B && prefix == 2) { /* tilestored */
        counts[3]++;
        for (int row = 0; row < tile->rows; row++)
            memcpy(start + row * stride, tile->bytes[row], tile->columns);
    } else if (operation == 0x5C && prefix == 2 && mode == 3) { /* tdpbf16ps */
        counts[2]++;
        multiply(tile, &tiles[low], &tiles[source & 7]);
    } else {
        fail(number);
        return;
    }
    registers[REG_RIP] = (greg_t)next;
}

void amx_install(void) {
    struct sigaction action = {0};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGILL, &action, 0);
}
