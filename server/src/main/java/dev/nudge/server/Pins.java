package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Keeps the adapters of pinned names loaded; when a name moves to another version, the pin moves
/// too.
///
/// Threading: any number of threads.
final class Pins {
  private final AdapterCache cache;
  private final Map<String, String> digests = new HashMap<>();

  Pins(AdapterCache cache) {
    this.cache = cache;
  }

  /// Pins a name's adapter.
  synchronized void pin(String name, String digest) {
    String before = digests.put(name, digest);
    cache.pin(digest);
    free(before);
  }

  /// Moves a pinned name's pin.
  ///
  /// @param digest null: the base
  synchronized void seen(String name, @Nullable String digest) {
    if (digest != null && digests.containsKey(name)) {
      pin(name, digest);
    }
  }

  /// Removes a name's pin.
  synchronized void unpin(String name) {
    free(digests.remove(name));
  }

  private void free(@Nullable String digest) {
    if (digest != null && !digests.containsValue(digest)) {
      cache.unpin(digest);
    }
  }
}
