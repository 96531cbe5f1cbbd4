package dev.nudge.settings;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Names of models on the Hugging Face hub, as far as paths tell them. The library fetches nothing:
/// the module `hub` and the command do.
///
/// The hub's cache keeps the model `org/name` at `models--org--name/snapshots/COMMIT`, so a folder
/// there is shown, and written into an adapter's config, by its name.
public final class HubName {
  private static final Pattern SNAPSHOT =
      Pattern.compile(
          "(?:^|.*/)models--([\\w.]+(?:-[\\w.]+)*)--([\\w.-]+)/snapshots/[0-9a-f]{40}(?:/.*)?");
  private static final Pattern NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*");

  private HubName() {}

  /// The model's name, if the path lies in a snapshot of the hub's cache; else null.
  public static @Nullable String of(Path model) {
    Matcher found = SNAPSHOT.matcher(model.toString().replace('\\', '/'));
    return found.matches() ? found.group(1) + "/" + found.group(2) : null;
  }

  /// The model's name on the hub, else its path.
  public static String shown(Path model) {
    String name = of(model);
    return name == null ? model.toString() : name;
  }

  /// The model's name on the hub, else its path; of a link, the name or path of what it leads to.
  /// Files keep it, because another link may have the same name.
  public static String kept(Path model) {
    try {
      return shown(Files.isSymbolicLink(model) ? model.toRealPath() : model);
    } catch (IOException e) {
      return shown(model); // it leads nowhere: who reads it says so
    }
  }

  /// The model's name on the hub, else the last name of its path.
  public static String last(Path model) {
    String name = of(model);
    return name == null ? String.valueOf(model.toAbsolutePath().normalize().getFileName()) : name;
  }

  /// Returns what a path may mean, as the end of a message; empty if it is written as no name.
  public static String hint(Path given) {
    String text = given.toString().replace('\\', '/');
    return NAME.matcher(text).matches()
        ? "; if that is its name on the hub, let dev.nudge.hub.Hub, or the command, fetch it"
        : "";
  }
}
