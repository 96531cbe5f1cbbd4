package dev.nudge.adapter;

/// Says what an adapter is, apart from its numbers: its kind, its size and where it sits.
public sealed interface AdapterSpec permits Lora {
  /// Which modules it is put on.
  Targets targets();
}
