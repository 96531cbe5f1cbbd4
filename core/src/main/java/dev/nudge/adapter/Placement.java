package dev.nudge.adapter;

import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.Map;

/// A part of an adapter for one module of a model: attached and detached by assigning a slot.
interface Placement {
  /// The path of the module.
  String path();

  /// Whether the module is unchanged since the placement was made, so that it can be attached.
  boolean free();

  /// Whether the placement is attached.
  boolean there();

  /// Attaches the placement.
  void put();

  /// Detaches the placement: restores the module.
  void remove();

  /// The trainable parameters, in the order in which they are saved.
  List<Parameter> parameters();

  /// The tensors to save, by their names in an adapter's file.
  ///
  /// @param scope owns tensors that are made for the file
  Map<String, Tensor> tensors(Scope scope);

  /// Numbers of [#tensors].
  default long savedNumbers() {
    return parameters().stream().mapToLong(Parameter::elements).sum();
  }

  /// Bytes that the placement holds besides its parameters.
  default long frozenBytes() {
    return 0;
  }
}
