package dev.nudge.cli.console;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Locates the cache folder, for unpacked libraries and other reproducible files.
public final class CacheFolder {
  private CacheFolder() {}

  /// Returns `NUDGE_CACHE`, else the folder `nudge` in the platform's cache folder.
  public static Path of(Map<String, String> environment) {
    @Nullable String own = given(environment, "NUDGE_CACHE");
    if (own != null) {
      return Path.of(own).toAbsolutePath();
    }
    @Nullable String shared = given(environment, "XDG_CACHE_HOME");
    @Nullable String windows = given(environment, "LOCALAPPDATA");
    if (shared == null && windows != null) {
      shared = windows;
    }
    Path parent =
        shared == null
            ? Path.of(System.getProperty("user.home", "."), ".cache")
            : Path.of(shared).toAbsolutePath();
    return parent.resolve("nudge");
  }

  private static @Nullable String given(Map<String, String> environment, String name) {
    @Nullable String value = environment.get(name);
    return value == null || value.isBlank() ? null : value;
  }
}
