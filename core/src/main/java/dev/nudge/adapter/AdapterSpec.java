package dev.nudge.adapter;

/// Says what an adapter is, apart from its numbers: its kind, its size and where it sits.
public sealed interface AdapterSpec permits Lora {
  /// The modules that the adapter sits on.
  Targets targets();
}
