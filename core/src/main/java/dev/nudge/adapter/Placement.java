package dev.nudge.adapter;

import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.Map;

/// A part of an adapter that was made for a place of a model: it is put there and taken off by
/// assignments.
interface Placement {
  /// The path of the module.
  String path();

  /// Whether what it replaces is still in its place, so that it can be put there.
  boolean free();

  /// Whether it is in its place.
  boolean there();

  /// Puts it in its place.
  void put();

  /// Puts back what was there.
  void remove();

  /// What trains, in the order in which it is saved.
  List<Parameter> parameters();

  /// The tensors by their names in an adapter's file.
  ///
  /// @param scope owns what is made for the file
  Map<String, Tensor> tensors(Scope scope);

  /// Numbers of [#tensors].
  default long savedNumbers() {
    return parameters().stream().mapToLong(Parameter::elements).sum();
  }

  /// Bytes that it holds beside its parameters.
  default long frozenBytes() {
    return 0;
  }
}
