package dev.nudge.server;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Resolves adapter references in a registry: `legal@champion`, `legal:3`, `legal@sha256:…`.
///
/// Threading: any number of threads.
interface References {
  /// Whether a text has the syntax of a reference.
  boolean isReference(String text);

  /// Resolves a reference now.
  ///
  /// @param asked model name of the request
  /// @return null if there is none
  /// @throws ApiException if the version may not be served
  @Nullable Served find(String asked, String reference);

  /// The location of the registry, for messages.
  String place();

  /// All aliases with their current versions.
  List<ServedAdapters.Card> list();
}
