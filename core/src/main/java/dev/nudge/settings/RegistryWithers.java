package dev.nudge.settings;

import java.nio.file.Path;

/// Changes where adapters are found that are named by a reference.
///
/// @param <S> the record that holds it
public interface RegistryWithers<S extends Record> extends Withers<S> {
  /// What `--registry` says in the help of every verb that takes an adapter.
  String HELP =
      "registry in which NAME@ALIAS and NAME:VERSION are found (default: ~/.local/share/nudge/registry)";

  /// The registry in which references are found.
  default S withRegistry(Path folder) {
    return with("registry", folder);
  }
}
