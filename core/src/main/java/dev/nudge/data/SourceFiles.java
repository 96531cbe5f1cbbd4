package dev.nudge.data;

import static java.util.Objects.requireNonNull;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Finds the files that are meant by names and globs (`data/*.jsonl`, `**` for any depth).
///
/// `-` is standard input. A name that exists is that file, whatever characters it has. The files of
/// a glob come in the order of their names.
final class SourceFiles {
  /// Stands for standard input, which has no path.
  static final Path STANDARD_INPUT = Path.of("(standard input)");

  private static final Pattern GLOB = Pattern.compile(".*[*?\\[{].*");

  private SourceFiles() {}

  /// Standard input is refused.
  static List<Path> of(List<String> names) {
    return of(names, false);
  }

  /// @param piped whether standard input is read
  static List<Path> of(List<String> names, boolean piped) {
    List<Path> files = new ArrayList<>();
    for (String name : names) {
      Path path = path(name);
      if (name.equals("-")) {
        if (!piped) {
          throw new InputException(
              "- is standard input, which only generate reads rows from; give a file or a glob");
        }
        files.add(STANDARD_INPUT);
      } else if (path != null && Files.exists(path)) {
        files.add(file(path));
      } else if (GLOB.matcher(name).matches()) {
        files.addAll(glob(name));
      } else {
        throw new InputException(name + " does not exist; a JSONL file or a glob is needed");
      }
    }
    return files;
  }

  private static @Nullable Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      return null; // a glob may hold characters that a name may not
    }
  }

  private static Path file(Path path) {
    if (Files.isDirectory(path)) {
      throw new InputException(
          path + " is a folder; give files or a glob, such as " + path.resolve("*.jsonl"));
    }
    if (!Files.isReadable(path)) {
      throw new InputException(path + " cannot be read: no permission");
    }
    return path;
  }

  private static List<Path> glob(String glob) {
    int first = 0;
    while ("*?[{".indexOf(glob.charAt(first)) < 0) {
      first++;
    }
    String root = glob.substring(0, glob.lastIndexOf('/', first) + 1);
    String rest = glob.substring(root.length());
    List<Path> found = matches(root, rest, glob);
    if (found.isEmpty()) {
      throw new InputException("no file matches " + glob + "; a JSONL file or a glob is needed");
    }
    return found.stream().map(SourceFiles::file).toList();
  }

  private static List<Path> matches(String root, String rest, String glob) {
    Path base = Path.of(root.isEmpty() ? "." : root);
    if (!Files.isDirectory(base)) {
      return List.of();
    }
    int slashes = (int) rest.chars().filter(c -> c == '/').count();
    int depth = rest.contains("**") ? Integer.MAX_VALUE : 1 + slashes;
    try (Stream<Path> all = Files.walk(base, depth, FileVisitOption.FOLLOW_LINKS)) {
      PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + rest);
      return all.map(base::relativize)
          .filter(matcher::matches)
          .map(Path.of(root)::resolve)
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (PatternSyntaxException e) {
      throw new InputException(glob + " is not a glob: " + e.getDescription(), e);
    } catch (UncheckedIOException e) {
      throw Unreadable.of(glob, requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw Unreadable.of(glob, e);
    }
  }
}
