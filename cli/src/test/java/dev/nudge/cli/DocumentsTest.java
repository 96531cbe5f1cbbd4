package dev.nudge.cli;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Hold the README and `docs/` to the sources: what they show compiles, what they link to exists.
class DocumentsTest {

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Pattern JAVA_BLOCK = Pattern.compile("(?s)```java\\n(.*?)```");
  private static final Pattern LINK = Pattern.compile("\\[[^\\]]*\\]\\(([^)#\\s]+)[^)]*\\)");

  @Test
  void everyJavaBlockIsCutFromASourceThatTheBuildCompiles() throws IOException {
    List<String> sources = new ArrayList<>();
    for (String module : List.of("core", "cli", "bench")) {
      for (Path file : files(ROOT.resolve(module).resolve("src"), ".java")) {
        sources.add(withoutIndentation(Files.readString(file)));
      }
    }
    for (Path page : pages()) {
      for (String block : first(JAVA_BLOCK, page)) {
        assertThat(sources)
            .as("a source that holds this block of %s:%n%s", page, block)
            .anyMatch(source -> source.contains(withoutIndentation(block)));
      }
    }
  }

  @Test
  void everyRelativeLinkLeadsToAFile() throws IOException {
    for (Path page : pages()) {
      for (String link : first(LINK, page)) {
        if (!link.contains(":")) {
          assertThat(page.resolveSibling(link)).as("linked from %s", page).exists();
        }
      }
    }
  }

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(files(ROOT.resolve("docs"), ".md"));
    pages.add(ROOT.resolve("README.md"));
    pages.add(ROOT.resolve("CONTRIBUTING.md"));
    return pages;
  }

  private static List<Path> files(Path root, String ending) throws IOException {
    if (Files.notExists(root)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(f -> f.toString().endsWith(ending)).toList();
    }
  }

  private static List<String> first(Pattern pattern, Path page) throws IOException {
    List<String> found = new ArrayList<>();
    for (MatchResult match : pattern.matcher(Files.readString(page)).results().toList()) {
      found.add(match.group(1));
    }
    return found;
  }

  private static String withoutIndentation(String code) {
    return code.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(joining("\n"));
  }
}
