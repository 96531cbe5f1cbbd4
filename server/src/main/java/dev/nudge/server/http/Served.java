package dev.nudge.server.http;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A resolved model: the base, or one version of an adapter.
///
/// @param asked model name of the request
/// @param name the adapter's own name, or the base's
/// @param version null: the base, or an adapter from a folder
/// @param digest of the adapter's files, `sha256:…`; null: the base
/// @param folder a PEFT folder; null: the base
public record Served(
    String asked,
    String name,
    @Nullable Integer version,
    @Nullable String digest,
    @Nullable Path folder) {

  /// The display name: `support:1`, or the name alone.
  public String shown() {
    return version == null ? name : name + ":" + version;
  }

  /// Whether this is the base without an adapter.
  public boolean isBase() {
    return digest == null;
  }
}
