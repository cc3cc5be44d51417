// SPDX-License-Identifier: Apache-2.0
//
// Exceptions of every make, for a preload that reads them without being C++, and a thread that is cancelled.
#pragma once

#include <pthread.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace tt::tt_metal {

enum class Failure { NONE, NESTED, FOREIGN, SEVERAL_BASES, VIRTUAL_BASE, AMBIGUOUS_BASE, RETHROWN, SILENT, EMPTY, LONG,
                     FRAMED, CANCELLED };

// What the next request of this thread comes to.
void fail_next(Failure failure);

namespace failures {

struct Report {
    virtual ~Report() = default;
    long number = 1;
};
struct SeveralBases : Report, std::runtime_error {
    SeveralBases() : std::runtime_error("of several bases") {}
};
struct Virtual : virtual std::exception {
    const char* what() const noexcept override { return "of a virtual base"; }
};
struct VirtualBase : Report, Virtual {};
struct AmbiguousBase : std::runtime_error, std::logic_error {
    AmbiguousBase() : std::runtime_error("one"), std::logic_error("other") {}
};
struct Silent : std::exception {
    const char* what() const noexcept override { return nullptr; }
};

[[noreturn]] inline void nested() {
    try {
        throw std::runtime_error("the cause");
    } catch (...) {
        throw std::logic_error("thrown while another was handled");
    }
}

inline void raise(Failure failure) {
    switch (failure) {
        case Failure::NONE: return;
        case Failure::NESTED: nested();
        case Failure::FOREIGN: throw 5;
        case Failure::SEVERAL_BASES: throw SeveralBases();
        case Failure::VIRTUAL_BASE: throw VirtualBase();
        case Failure::AMBIGUOUS_BASE: throw AmbiguousBase();
        case Failure::RETHROWN: std::rethrow_exception(std::make_exception_ptr(std::runtime_error("of another thread")));
        case Failure::SILENT: throw Silent();
        case Failure::EMPTY: throw std::runtime_error("");
        case Failure::LONG: throw std::runtime_error(std::string(100000, 'x'));
        case Failure::FRAMED:
            throw std::runtime_error("TT_THROW @ bank_manager.cpp:1: tt::exception\ninfo:\nthe words\nbacktrace:\n --- main");
        case Failure::CANCELLED:
            pthread_cancel(pthread_self());
            pthread_testcancel();
            return;
    }
}

}  // namespace failures

}  // namespace tt::tt_metal
