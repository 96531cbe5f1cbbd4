package dev.nudge.settings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/// Recognises a Hugging Face model id, `org/name`, where a model folder is needed.
public final class HubName {
  private static final Pattern PART = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  private HubName() {}

  /// Returns how to download the model, as the end of a message; empty if it is not a model id.
  ///
  /// @param flag flag of the folder, such as `--model`
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
