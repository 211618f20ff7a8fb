// What the table of operations says of one, and the sizes that its letters come to in a call.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace x3d {

using Dims = std::vector<int64_t>;

/// Raised by a kernel; becomes the operation's status.
struct Failure {
  std::string message;
};

/// A letter's size, or where that is 0 a number; over a number or, from 0 on, an attribute; rounded up.
struct Axis {
  char letter;
  int64_t number, divisor;
  int attribute;
};

struct Argument {
  const char* name;
  bool optional;
  std::vector<Axis> axes;
};

struct Operation {
  const char* name;
  std::vector<Argument> inputs, outputs;
  std::vector<const char*> attributes;
};

template <class... Ops>
struct Operations {};

inline std::string written(const Dims& dims) {
  std::string text;
  for (int64_t d : dims) text += (text.empty() ? "" : ", ") + std::to_string(d);
  return "[" + text + "]";
}

/// The sizes of an operation's letters; 0 where no input that is there has the letter.
class Sizes {
 public:
  explicit Sizes(const std::vector<int64_t>& attributes) : attributes_(attributes) { of_.fill(-1); }

  /// Takes the sizes of letters that stand alone.
  void learn(const Argument& argument, const Dims& dims) {
    for (size_t i = 0; i < dims.size() && i < argument.axes.size(); ++i) {
      const Axis& axis = argument.axes[i];
      if (axis.letter && axis.divisor == 1 && axis.attribute < 0 && letter(axis) < 0) letter(axis) = dims[i];
    }
  }
  Dims dims(const Argument& argument) const {
    Dims dims;
    for (const Axis& axis : argument.axes) {
      const int64_t known = axis.letter ? of_[size_t(axis.letter - 'A')] : axis.number;
      const int64_t size = known < 0 ? 0 : known, by = axis.attribute < 0 ? axis.divisor : attributes_[size_t(axis.attribute)];
      dims.push_back((size + by - 1) / by);
    }
    return dims;
  }
  void check(const Operation& operation, const Argument& argument, const Dims& dims) const {
    if (const Dims expected = this->dims(argument); dims != expected)
      throw Failure{std::string(operation.name) + ": " + argument.name + " is " + written(dims) +
                    "; it has to be " + written(expected)};
  }

 private:
  int64_t& letter(const Axis& axis) { return of_[size_t(axis.letter - 'A')]; }
  const std::vector<int64_t>& attributes_;
  std::array<int64_t, 26> of_;
};

}  // namespace x3d
