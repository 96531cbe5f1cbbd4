package dev.nudge.server;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// What a request asks for: the base, or one version of an adapter.
///
/// @param asked as the request names it
/// @param name the adapter's own, or the base's
/// @param version null: the base, or an adapter that comes from a folder
/// @param digest of what the adapter's files hold, `sha256:…`; null: the base
/// @param folder a PEFT folder; null: the base
public record Served(
    String asked,
    String name,
    @Nullable Integer version,
    @Nullable String digest,
    @Nullable Path folder) {

  /// What people call it: `support:1`, or the name alone.
  String shown() {
    return version == null ? name : name + ":" + version;
  }

  /// Whether no adapter answers.
  public boolean isBase() {
    return digest == null;
  }
}
