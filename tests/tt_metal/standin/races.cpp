// SPDX-License-Identifier: Apache-2.0
//
// Operations of many threads, whose first ones are the first of all: nested, with tensors, left by exceptions in the
// middle, beside captures, and in children that are forked meanwhile. It prints the process ids of these.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

extern "C" {
void* nn_open_chip(int id);
void* nn_buffer(void* device, unsigned long size, unsigned long page_size, int type, int layout, int bottom_up, int cores);
void nn_free(void* buffer);
int nn_operation(const char* name, int depth, int fail);
void nn_begin_capture(int no_dispatch);
void nn_end_capture();
int nn_is_enabled();
void* nn_tensor(void* handle, const unsigned* dimensions, int count, int dtype, int tile, int memory_layout, int type,
                const unsigned* shards, int ranges, int column_major);
void nn_operate(const char* name, const char* kinds, void* const* tensors, void* result);
}

namespace {
void* device;
std::atomic<int> ready{0};  // threads that have all they need for their first operation
pthread_rwlock_t rounds_under_way = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void expect(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "races: %s\n", what);
        std::abort();
    }
}

void* make_buffer() { return nn_buffer(device, 4096, 1024, 0, 0, 1, 0); }

void* make_tensor(unsigned width) {
    const unsigned dimensions[] = {32, width};
    return nn_tensor(make_buffer(), dimensions, 2, 0, 1, 0, 0, nullptr, 0, 0);
}

// Without memory: a child that was forked while another thread had the allocator's lock would wait for it.
void operate(const std::string& name, void* tensor) {
    void* const tensors[] = {tensor, tensor, tensor, nullptr};
    expect(nn_operation(name.c_str(), 2, 0) == 1, "an operation that fails");
    expect(nn_operation((name + ".left").c_str(), 2, 1) == 0, "an operation that does not fail");
    nn_operate((name + ".tensors").c_str(), "rt", tensors, tensor);
    nn_begin_capture(0);
    expect(nn_is_enabled() == 1, "a capture that is none");
    nn_operation((name + ".captured").c_str(), 0, 0);
    nn_end_capture();
    expect(nn_is_enabled() == 0, "a processor that only watches is taken for a capture");
}

void work(int thread, int threads, int rounds) {
    void* tensor = make_tensor(32u * static_cast<unsigned>(thread + 1));
    ready++;
    while (ready < threads) {
    }
    for (int i = 0; i < rounds; i++) {
        pthread_rwlock_rdlock(&rounds_under_way);
        operate("of_" + std::to_string(thread), tensor);
        nn_free(make_buffer());
        pthread_rwlock_unlock(&rounds_under_way);
    }
}

// False: the child ends otherwise.
bool fork_and_operate(void* tensor) {
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        operate("of_child", tensor);
        _exit(0);
    }
    std::printf("%d\n", static_cast<int>(pid));
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
}  // namespace

// THREADS ROUNDS FORKS HALT: 1: the threads halt while a child is forked, for in ThreadSanitizer's malloc() it may hang else.
int main(int count, char** words) {
    expect(count == 5, "four numbers");
    const int threads = std::atoi(words[1]), rounds = std::atoi(words[2]), forks = std::atoi(words[3]);
    const bool halts = std::atoi(words[4]) != 0;
    device = nn_open_chip(0);
    void* tensor = make_tensor(1024);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; t++) {
        workers.emplace_back(work, t, threads, rounds);
    }
    for (int i = 0; i < forks; i++) {
        if (halts) {
            pthread_rwlock_wrlock(&rounds_under_way);
        }
        expect(fork_and_operate(tensor), "a child that ends otherwise");
        if (halts) {
            pthread_rwlock_unlock(&rounds_under_way);
        }
    }
    for (auto& worker : workers) {
        worker.join();
    }
    return 0;
}
