package dev.nudge.train.replay;

import dev.nudge.data.Conversations;
import dev.nudge.data.rows.ContentDigest;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.node.ArrayNode;

/// The rows of `--replay default`, which ship: texts and questions on everyday subjects, and
/// instructions as conversations. `docs/general_rows.py` writes them.
///
/// @param folder holds copies of them, until this is closed
record GeneralRows(Path folder) implements AutoCloseable {
  /// Their name in `--replay`.
  static final String NAME = "default";

  private static final String TEXTS = "texts.jsonl";
  private static final String CHATS = "chats.jsonl";

  static GeneralRows copied() {
    GeneralRows rows;
    try {
      rows = new GeneralRows(Files.createTempDirectory("nudge-"));
    } catch (IOException e) {
      throw unwritten(e);
    }
    try {
      for (String name : List.of(TEXTS, CHATS)) {
        try (InputStream row =
            Objects.requireNonNull(GeneralRows.class.getResourceAsStream(name))) {
          Files.copy(row, rows.folder.resolve(name));
        }
      }
      return rows;
    } catch (IOException e) {
      rows.close();
      throw unwritten(e);
    }
  }

  private static InputException unwritten(IOException e) {
    return new InputException(
        "--replay default: a folder for temporary files is needed: " + OutFolder.reason(e), e);
  }

  /// Replaces `default` in names by its files.
  ///
  /// @param chat renders conversations; left out without a template
  List<String> in(List<String> names, Conversations chat) {
    return with(names, speaks(chat) ? List.of(TEXTS, CHATS) : List.of(TEXTS));
  }

  private List<String> with(List<String> names, List<String> own) {
    List<String> files = new ArrayList<>();
    for (String name : names) {
      if (name.equals(NAME)) {
        own.forEach(file -> files.add(folder.resolve(file).toString()));
      } else {
        files.add(name);
      }
    }
    return files;
  }

  private static boolean speaks(Conversations chat) {
    String messages =
        """
        [{"role": "user", "content": "Good morning"}, {"role": "assistant", "content": "Hello"}]
        """;
    try {
      chat.conversation((ArrayNode) Json.parse(messages), null);
      return true;
    } catch (IllegalArgumentException | NudgeException _) {
      return false;
    }
  }

  /// The digest of names, with all rows in place of `default`.
  String digest(List<String> names) {
    return ContentDigest.of(with(names, List.of(TEXTS, CHATS)));
  }

  @Override
  public void close() {
    try {
      OutFolder.delete(folder);
    } catch (IOException _) {
      // the system clears its folder of temporary files
    }
  }
}
