package dev.nudge.settings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/// Knows a model that was named as the hub names it, `org/name`, where a folder is needed.
public final class HubName {
  private static final Pattern PART = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  private HubName() {}

  /// How a user gets the folder, as the end of a message; empty where the name is no such name.
  ///
  /// @param flag the folder's, such as `--model`
  public static String hint(Path given, String flag) {
    boolean likely =
        !given.isAbsolute()
            && given.getNameCount() == 2
            && PART.matcher(given.getName(0).toString()).matches()
            && PART.matcher(given.getName(1).toString()).matches()
            && !Files.exists(given.getName(0));
    return likely
        ? "; if that is its name on the hub: nudge does not download; with Git LFS installed, git clone https://huggingface.co/%s/%s, then %s %s"
            .formatted(given.getName(0), given.getName(1), flag, given.getName(1))
        : "";
  }
}
