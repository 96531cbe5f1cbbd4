package dev.nudge.settings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Names of models on the Hugging Face hub, derived from paths. This module downloads nothing: the
/// module `hub` and the command do.
///
/// The hub's cache keeps the model `org/name` at `models--org--name/snapshots/COMMIT`, so such a
/// folder is shown, and written into an adapter's config, by its name.
public final class HubName {
  private static final Pattern SNAPSHOT =
      Pattern.compile(
          "(?:^|.*/)models--([\\w.]+(?:-[\\w.]+)*)--([\\w.-]+)/snapshots/[0-9a-f]{40}(?:/.*)?");
  private static final Pattern NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*");

  private HubName() {}

  /// Returns the model's name, if the path is in a snapshot of the hub's cache; else null.
  public static @Nullable String of(Path model) {
    Matcher found = SNAPSHOT.matcher(model.toString().replace('\\', '/'));
    return found.matches() ? found.group(1) + "/" + found.group(2) : null;
  }

  /// Returns the model's name on the hub, else its path.
  public static String shown(Path model) {
    String name = of(model);
    return name == null ? model.toString() : name;
  }

  /// Returns the model's name on the hub, else its path; for a link, its target's. Files store
  /// this, as another link may have the same name.
  public static String kept(Path model) {
    try {
      return shown(Files.isSymbolicLink(model) ? model.toRealPath() : model);
    } catch (IOException e) {
      return shown(model); // a broken link: the reader of the model reports it
    }
  }

  /// Returns the model's name on the hub, else the last name of its path.
  public static String last(Path model) {
    String name = of(model);
    return name == null ? String.valueOf(model.toAbsolutePath().normalize().getFileName()) : name;
  }

  /// Returns a hint for a path that may be a hub name, as the end of a message; else empty.
  public static String hint(Path given) {
    String text = given.toString().replace('\\', '/');
    return NAME.matcher(text).matches()
        ? "; if that is its name on the hub, let dev.nudge.hub.Hub, or the command, fetch it"
        : "";
  }
}
