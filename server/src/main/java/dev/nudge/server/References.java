package dev.nudge.server;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Versions of adapters that are kept somewhere: `legal@champion`, `legal:3`, `legal@sha256:…`.
///
/// Threading: any number of threads.
interface References {
  /// Whether a text has the form of a reference.
  boolean isReference(String text);

  /// Finds what a reference stands for now.
  ///
  /// @param asked what the request names, for the answer
  /// @return null: nothing
  /// @throws ApiException where it is there and may not be served
  @Nullable Served find(String asked, String reference);

  /// Where they are kept, for messages.
  String place();

  /// What aliases stand for now.
  List<ServedAdapters.Card> list();
}
