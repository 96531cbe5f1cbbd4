package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.nio.file.Path;

/// Withers for the registry, which resolves adapter references.
///
/// @param <S> the record that holds it
public interface RegistryWithers<S extends Record> extends Withers<S> {
  /// The help of `--registry` in every command that takes an adapter.
  String HELP =
      "registry in which NAME@ALIAS and NAME:VERSION are found (default:"
          + " ~/.local/share/nudge/registry)";

  /// The registry that resolves references.
  default S withRegistry(Path folder) {
    return with("registry", folder);
  }
}
