// Products of a tall matrix with a small one, the shapes of pointwise convolutions. One register-blocked kernel does
// the forward product, the input's gradient and, with A read by columns, the weights' gradient.
#pragma once
#include "simd.h"

namespace x3d {

/// A(i, k) is at data[i * row + k * column].
struct Strided {
  const float* data;
  int64_t row;
  int64_t column;
};

constexpr int kBlockRows = 8;
constexpr int kBlockVectors = 3;

template <int Rows, int Vectors, bool Accumulate>
inline void block(int64_t depth, Strided a, const float* b, int64_t bRow, float* c, int64_t cRow, int64_t columns) {
  Vec sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) sums[i][j] = Vec{};
  for (int64_t k = 0; k < depth; ++k) {
    Vec right[Vectors];
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) right[j] = load(b + k * bRow + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const Vec left = broadcast(a.data[i * a.row + k * a.column]);
#pragma GCC unroll 3
      for (int j = 0; j < Vectors; ++j) sums[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) {
      float* to = c + i * cRow + j * kLanes;
      const int64_t n = columns - j * kLanes;
      store(to, Accumulate ? load(to, n) + sums[i][j] : sums[i][j], n);
    }
}

template <int Vectors, bool Accumulate>
inline void rows_of_blocks(int64_t rows, int64_t depth, Strided a, const float* b, int64_t bRow, float* c,
                           int64_t cRow, int64_t columns) {
  int64_t i = 0;
  for (; i + kBlockRows <= rows; i += kBlockRows)
    block<kBlockRows, Vectors, Accumulate>(depth, {a.data + i * a.row, a.row, a.column}, b, bRow, c + i * cRow, cRow,
                                           columns);
  const Strided rest = {a.data + i * a.row, a.row, a.column};
  float* to = c + i * cRow;
  switch (rows - i) {
    case 1: return block<1, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 2: return block<2, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 3: return block<3, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 4: return block<4, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 5: return block<5, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 6: return block<6, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    case 7: return block<7, Vectors, Accumulate>(depth, rest, b, bRow, to, cRow, columns);
    default: return;
  }
}

/// C [rows, columns] = A B, or += A B. B's rows are padded to whole vectors (bRow >= padded(columns)); C's are not.
template <bool Accumulate>
inline void multiply(int64_t rows, int64_t columns, int64_t depth, Strided a, const float* b, int64_t bRow, float* c,
                     int64_t cRow) {
  const int64_t vectors = padded(columns) / kLanes;
  for (int64_t v = 0; v < vectors;) {
    const int64_t left = vectors - v;
    // Four vectors as two and two: blocks of one vector are bound by loads.
    const int64_t take = left == 4 || left == 2 ? 2 : left >= 3 ? 3 : 1;
    const float* right = b + v * kLanes;
    float* to = c + v * kLanes;
    const int64_t width = columns - v * kLanes;
    if (take == 3)
      rows_of_blocks<3, Accumulate>(rows, depth, a, right, bRow, to, cRow, width);
    else if (take == 2)
      rows_of_blocks<2, Accumulate>(rows, depth, a, right, bRow, to, cRow, width);
    else
      rows_of_blocks<1, Accumulate>(rows, depth, a, right, bRow, to, cRow, width);
    v += take;
  }
}

/// Copies [rows, columns] to rows padded with zeros.
inline void pad_rows(const float* from, int64_t rows, int64_t columns, float* to) {
  const int64_t row = padded(columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < row; ++j) to[i * row + j] = j < columns ? from[i * columns + j] : 0.0f;
}

/// Copies the transpose of [rows, columns], its rows padded with zeros.
inline void pad_transposed(const float* from, int64_t rows, int64_t columns, float* to) {
  const int64_t row = padded(rows);
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t i = 0; i < row; ++i) to[j * row + i] = i < rows ? from[i * columns + j] : 0.0f;
}

}  // namespace x3d
