package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Keeps the adapters of names loaded: if a name comes to mean another version, that one is kept
/// instead.
///
/// Threading: any number of threads.
final class Pins {
  private final AdapterCache cache;
  private final Map<String, String> digests = new HashMap<>();

  Pins(AdapterCache cache) {
    this.cache = cache;
  }

  /// Keeps what a name means now.
  synchronized void pin(String name, String digest) {
    String before = digests.put(name, digest);
    cache.pin(digest);
    free(before);
  }

  /// A name means an adapter now.
  ///
  /// @param digest null: the base
  synchronized void seen(String name, @Nullable String digest) {
    if (digest != null && digests.containsKey(name)) {
      pin(name, digest);
    }
  }

  /// Keeps nothing for a name.
  synchronized void unpin(String name) {
    free(digests.remove(name));
  }

  private void free(@Nullable String digest) {
    if (digest != null && !digests.containsValue(digest)) {
      cache.unpin(digest);
    }
  }
}
