package dev.nudge.data;

import dev.nudge.settings.InputException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads the lines of JSONL files, one file after the other.
///
/// Lines end with `\n` (a `\r` before it is dropped) and are UTF-8; a byte-order mark at the start
/// of a file is dropped. Blank lines are passed over and not counted in `index`.
///
/// Threading: one thread.
public final class RowReader implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  private final List<Path> files;
  private final @Nullable InputStream standardInput;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(BUFFER);
  private @Nullable InputStream in;
  private int file = -1;
  private int line;
  private int index;

  private RowReader(List<Path> files, @Nullable InputStream standardInput) {
    this.files = files;
    this.standardInput = standardInput;
  }

  /// Opens files and globs.
  ///
  /// @throws InputException where a file is missing or a glob matches nothing
  public static RowReader open(List<String> filesOrGlobs) {
    return open(filesOrGlobs, null);
  }

  /// The same where one of them may be standard input, `-`.
  ///
  /// @param standardInput null: it is not to be read here
  static RowReader open(List<String> filesOrGlobs, @Nullable InputStream standardInput) {
    return new RowReader(SourceFiles.of(filesOrGlobs, standardInput != null), standardInput);
  }

  /// Returns the next lines, at most `most` of them; none at the end.
  ///
  /// @throws InputException where a file is no JSONL, not UTF-8 or cannot be read
  public List<SourceLine> next(int most) {
    List<SourceLine> lines = new ArrayList<>();
    while (lines.size() < most) {
      String text = nextLine();
      if (text == null) {
        break;
      }
      if (!text.isBlank()) {
        lines.add(new SourceLine(index++, files.get(file), line, text));
      }
    }
    return lines;
  }

  private @Nullable String nextLine() {
    try {
      while (true) {
        if (in == null) {
          if (file + 1 == files.size()) {
            return null;
          }
          file++;
          line = 0;
          in = opened(files.get(file));
        }
        if (readBytes(in)) {
          line++;
          return text();
        }
        in.close();
        in = null;
      }
    } catch (CharacterCodingException e) {
      throw OtherFormat.notUtf8(files.get(file), line, e);
    } catch (IOException e) {
      throw Unreadable.of(files.get(file), e);
    }
  }

  private InputStream opened(Path path) throws IOException {
    InputStream from =
        standardInput != null && path.equals(SourceFiles.STANDARD_INPUT)
            ? standardInput
            : Files.newInputStream(path);
    InputStream buffered = new BufferedInputStream(from, BUFFER);
    buffered.mark(OtherFormat.HEAD);
    byte[] head = buffered.readNBytes(OtherFormat.HEAD);
    buffered.reset();
    OtherFormat.check(path, head);
    return buffered;
  }

  /// Reads up to the end of the line; false where the file is at its end.
  private boolean readBytes(InputStream from) throws IOException {
    bytes.reset();
    int b = from.read();
    if (b < 0) {
      return false;
    }
    while (b >= 0 && b != '\n') {
      bytes.write(b);
      b = from.read();
    }
    return true;
  }

  private String text() throws CharacterCodingException {
    String text = decoder.decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    int start = line == 1 && text.startsWith("\uFEFF") ? 1 : 0;
    int end = text.endsWith("\r") ? text.length() - 1 : text.length();
    return text.substring(start, Math.max(start, end));
  }

  @Override
  public void close() {
    if (in != null) {
      try {
        in.close();
      } catch (IOException e) {
        throw Unreadable.of(files.get(file), e);
      }
    }
  }
}
