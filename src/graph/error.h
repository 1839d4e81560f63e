// Typed errors. Every message names what was wrong, where, and what was expected.
//
// ShapeError    a rule of an op was broken while recording.
// InputError    what was handed to a call (a binding, an id, an option) does not fit.
// FileError     a file is missing, unreadable or not of the expected format; names the path.
// NumericError  a number that must be finite is not.
// MemoryError   there is not so much memory; also a std::bad_alloc.
#pragma once

#include <new>
#include <stdexcept>

namespace reel {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ShapeError : public Error {
 public:
  using Error::Error;
};

class InputError : public Error {
 public:
  using Error::Error;
};

class FileError : public Error {
 public:
  using Error::Error;
};

class MemoryError : public Error, public std::bad_alloc {
 public:
  using Error::Error;
  const char* what() const noexcept override { return Error::what(); }
};

class NumericError : public Error {
 public:
  using Error::Error;
};

}  // namespace reel
