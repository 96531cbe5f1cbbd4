package dev.nudge.cli.ask;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/// Chat input from a terminal, with line editing, history and Tab completion of commands.
///
/// A message continues after a line that ends with a backslash, and between `"""` and `"""`.
public final class TerminalLines implements ChatLines {
  private static final String QUOTES = "\"\"\"";

  private final Terminal terminal;
  private final LineReader reader;

  private TerminalLines(Terminal terminal, LineReader reader) {
    this.terminal = terminal;
    this.reader = reader;
  }

  /// Opens the terminal of this process.
  ///
  /// @param history file of earlier input; null: input is not stored
  /// @param names completions of a command's argument
  /// @param interrupt called on Ctrl-C while nobody types
  public static TerminalLines open(
      @Nullable Path history, Supplier<List<String>> names, Runnable interrupt) {
    try {
      Terminal terminal = TerminalBuilder.builder().system(true).build();
      terminal.handle(Terminal.Signal.INT, signal -> interrupt.run());
      LineReaderBuilder builder =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .parser(new Whole())
              .completer(completer(names))
              .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
              .option(LineReader.Option.HISTORY_IGNORE_SPACE, false);
      if (history != null && isPrivate(history)) {
        builder.variable(LineReader.HISTORY_FILE, history);
      }
      return new TerminalLines(terminal, builder.build());
    } catch (IOException e) {
      throw new RunException("the terminal cannot be opened: " + e.getMessage(), e);
    }
  }

  /// Creates the history file if it is absent, and makes it readable only by its owner.
  ///
  /// @return false if this fails, so that input must not be stored
  static boolean isPrivate(Path history) {
    Set<PosixFilePermission> owners = PosixFilePermissions.fromString("rw-------");
    try {
      if (!history.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        return true;
      }
      Files.createDirectories(history.getParent());
      if (Files.exists(history)) {
        Files.setPosixFilePermissions(history, owners);
      } else {
        Files.createFile(history, PosixFilePermissions.asFileAttribute(owners));
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /// A parser that requests another line if a message is incomplete.
  private static final class Whole extends DefaultParser {
    @Override
    public ParsedLine parse(String line, int cursor, ParseContext context) {
      if (context == ParseContext.ACCEPT_LINE && open(line)) {
        throw new EOFError(-1, cursor, "more follows");
      }
      return super.parse(line.replace('"', ' ').replace('\'', ' '), cursor, context);
    }
  }

  /// Whether a message is incomplete.
  static boolean open(String typed) {
    boolean quoted = typed.startsWith(QUOTES);
    return quoted
        ? typed.length() < 2 * QUOTES.length() || !typed.stripTrailing().endsWith(QUOTES)
        : typed.endsWith("\\");
  }

  /// Returns the message without its continuation marks.
  static String message(String typed) {
    if (typed.startsWith(QUOTES)) {
      String inner = typed.stripTrailing();
      return inner.substring(QUOTES.length(), inner.length() - QUOTES.length()).strip();
    }
    return typed.replace("\\\n", "\n");
  }

  private static Completer completer(Supplier<List<String>> names) {
    return (reader, line, candidates) -> {
      if (line.wordIndex() == 0 && line.word().startsWith("/")) {
        Arrays.stream(ChatCommand.values())
            .forEach(c -> candidates.add(new Candidate("/" + c.word())));
      } else if (line.line().startsWith("/")) {
        names.get().forEach(name -> candidates.add(new Candidate(name)));
      }
    };
  }

  @Override
  public @Nullable String next(String prompt) throws Interrupted {
    try {
      return message(reader.readLine(prompt));
    } catch (UserInterruptException e) {
      throw new Interrupted();
    } catch (EndOfFileException e) {
      return null;
    }
  }

  @Override
  public int columns() {
    return terminal.getWidth() > 0 ? terminal.getWidth() : 80;
  }

  @Override
  public void close() {
    try {
      reader.getHistory().save();
      terminal.close();
    } catch (IOException e) {
      // only the history of this session is lost
    }
  }
}
