package dev.nudge.adapter;

import dev.nudge.machine.Backend;
import dev.nudge.settings.AdapterInit;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/// Chooses the numbers that a new adapter begins with.
///
/// [Adapters#attach] has filled A and B so that they add nothing ([LoraInit]); an initialisation
/// writes others over them. Another one is a class, and its line in [#of].
public interface Initialization {

  /// The initialisation of a setting.
  static Initialization of(AdapterInit setting) {
    return switch (setting) {
      case ZERO -> (adapters, base) -> {};
      case LOFTQ -> new LoftqInit();
    };
  }

  /// Refuses a base that it is not for.
  ///
  /// @param folder the base's
  /// @param quantized whether its weights are quantised in memory
  /// @param stored whether they are in its files
  /// @throws dev.nudge.settings.InputException in one line
  default void check(Path folder, boolean quantized, BooleanSupplier stored) {}

  /// Writes A and B of a new adapter that was put on its base.
  void begin(Adapters adapters, Base base);

  /// The base under an adapter that begins.
  ///
  /// @param folder its weights before they are quantised
  /// @param names gives the tensor there that is the weight of the module at a path
  /// @param threads of the machine
  record Base(Path folder, UnaryOperator<String> names, Backend backend, int threads) {}
}
