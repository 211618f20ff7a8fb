// CUDA's terms for the host's compiler: a launch is a loop over blocks and threads. Threads are fibers, so that they can
// wait for each other; they run one by one, from one __syncthreads to the next.
#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#define __device__
#define __shared__ static thread_local

namespace x3d {
namespace card {

struct Index {
  unsigned x = 1, y = 1, z = 1;
};

inline thread_local Index threadIdx, blockIdx, blockDim, gridDim;

class Fibers {
 public:
  /// Runs body() once for every thread of every block.
  static void run(Index blocks, Index threads, const std::function<void()>& body) {
    gridDim = blocks, blockDim = threads;
    Fibers fibers(threads.x * threads.y, body);
    for (blockIdx.z = 0; blockIdx.z < blocks.z; ++blockIdx.z)
      for (blockIdx.y = 0; blockIdx.y < blocks.y; ++blockIdx.y)
        for (blockIdx.x = 0; blockIdx.x < blocks.x; ++blockIdx.x) fibers.block();
  }
  static void wait() { swapcontext(&now->contexts_[now->current_], &now->main_); }

 private:
  static constexpr size_t kStack = 64 * 1024;
  static inline thread_local Fibers* now = nullptr;

  Fibers(size_t threads, const std::function<void()>& body)
      : body_(body), contexts_(threads), stacks_(threads * kStack), ended_(threads) {}

  static void enter() {
    now->body_();
    now->ended_[now->current_] = true;
  }

  void block() {
    now = this;
    for (size_t i = 0; i < contexts_.size(); ++i) {
      getcontext(&contexts_[i]);
      contexts_[i].uc_stack.ss_sp = stacks_.data() + i * kStack;
      contexts_[i].uc_stack.ss_size = kStack;
      contexts_[i].uc_link = &main_;
      makecontext(&contexts_[i], enter, 0);
      ended_[i] = false;
    }
    for (size_t ended = 0; ended < contexts_.size();) {
      // On a card it would hang, or not be known what happens.
      if (ended > 0) std::fprintf(stderr, "a thread ended while others of its block wait for it\n"), std::abort();
      for (current_ = 0; current_ < contexts_.size(); ++current_) {
        threadIdx = {unsigned(current_ % blockDim.x), unsigned(current_ / blockDim.x), 0};
        swapcontext(&main_, &contexts_[current_]);
        ended += ended_[current_];
      }
    }
  }

  const std::function<void()>& body_;
  std::vector<ucontext_t> contexts_;
  std::vector<char> stacks_;
  std::vector<char> ended_;
  ucontext_t main_;
  size_t current_ = 0;
};

inline void __syncthreads() { Fibers::wait(); }

}  // namespace card
}  // namespace x3d
