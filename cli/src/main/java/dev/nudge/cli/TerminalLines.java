package dev.nudge.cli;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
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
final class TerminalLines implements ChatLines {
  private static final String QUOTES = "\"\"\"";

  private final Terminal terminal;
  private final LineReader reader;

  private TerminalLines(Terminal terminal, LineReader reader) {
    this.terminal = terminal;
    this.reader = reader;
  }

  /// Opens the terminal of this process.
  ///
  /// @param history file of earlier input
  /// @param names completions of a command's argument
  /// @param interrupt called on Ctrl-C while nobody types
  static TerminalLines open(Path history, Supplier<List<String>> names, Runnable interrupt) {
    try {
      Terminal terminal = TerminalBuilder.builder().system(true).build();
      terminal.handle(Terminal.Signal.INT, signal -> interrupt.run());
      LineReader reader =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .parser(new Whole())
              .completer(completer(names))
              .variable(LineReader.HISTORY_FILE, history)
              .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
              .option(LineReader.Option.HISTORY_IGNORE_SPACE, false)
              .build();
      return new TerminalLines(terminal, reader);
    } catch (IOException e) {
      throw new RunException("the terminal cannot be opened: " + e.getMessage(), e);
    }
  }

  /// A parser that asks for another line of an incomplete message.
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

  /// The message without its continuation marks.
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
      // what was typed is lost for the next time, and nothing else
    }
  }
}
