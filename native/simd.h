// Vectors of the widest width the machine has, by the compiler's vector extension: no intrinsics but for masks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace x3d {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
typedef int32_t IntVec __attribute__((vector_size(4 * kLanes)));

/// The next multiple of the vector's width: the stride of padded rows.
constexpr int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }
inline Vec broadcast(float x) { return x - Vec{}; }

/// The first `n` lanes, 0 in the rest; n may exceed the vector's width.
inline Vec load(const float* p, int64_t n) {
  if (n >= kLanes) return load(p);
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
#else
  Vec v = {};
  std::memcpy(&v, p, size_t(n) * 4);
  return v;
#endif
}

inline void store(float* p, Vec v, int64_t n) {
  if (n >= kLanes) return store(p, v);
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
#else
  std::memcpy(p, &v, size_t(n) * 4);
#endif
}

/// Passes NaN on, so that a training that has left the numbers is seen to.
inline Vec relu(Vec v) {
  const Vec zero = {};
  return zero > v ? zero : v;
}

inline Vec where_positive(Vec of, Vec v) {
  const Vec zero = {};
  return of > zero ? v : zero;
}

/// exp to about 2 units in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
inline Vec exp(Vec x) {
  const Vec lowest = broadcast(-87.0f), highest = broadcast(88.0f);
  x = lowest > x ? lowest : x;
  x = highest < x ? highest : x;
  const Vec magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vec n = (x * 1.44269504088896341f + magic) - magic;
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const IntVec power = (__builtin_convertvector(n, IntVec) + 127) << 23;
  return p * (Vec)power;
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace x3d
