package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Hold the README and `docs/` to the sources: what they show is cut from a file that the build
/// runs, the flags that they name exist, what they link to is there.
class DocumentsTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private static final Path GUIDES = ROOT.resolve("docs/guide");
  private static final int MOST_WORDS = 45_000; // of all Markdown in the repository
  private static final int MOST_DECISIONS = 36;

  /// Pages of which every block names its source; of others those in Java do.
  private static final Set<Path> CUT =
      Set.of(
          ROOT.resolve("README.md"),
          ROOT.resolve("CONTRIBUTING.md"),
          ROOT.resolve("docs/reference/settings.md"));

  /// What the build runs, and records of runs.
  private static final String SOURCE =
      "examples/[\\w/-]+\\.(java|jsh|sh|yaml|xml)|(core|hub|eval|demo|server|cli|bench)/src/\\S+\\.java|docs/[\\w-]+-run\\.txt";

  private static final Pattern COMMIT = Pattern.compile("\\b(?=[a-f]*\\d)[0-9a-f]{7,12}\\b");
  private static final Pattern LINK = Pattern.compile("\\[[^\\]]*\\]\\(([^)#\\s]+)[^)]*\\)");
  private static final Pattern ANCHOR = Pattern.compile("\\]\\(([^)#:\\s]*)#([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.+)$");
  private static final Pattern FLAG = Pattern.compile("(?<![\\w-])--[a-z0-9][a-z0-9-]*");
  private static final Set<String> FLAGS_OF_JAVA =
      Set.of("--add-modules", "--enable-native-access", "--illegal-native-access", "--nudge");

  @Test
  void everyBlockNamesTheFileThatItIsCutFrom() throws IOException {
    for (Path page : pages()) {
      for (Block block : Block.of(page)) {
        if (CUT.contains(page) || block.language().equals("java")) {
          assertThat(block.source())
              .as("the comment above this block of %s:%n%s", page, block.text())
              .matches(SOURCE);
        }
      }
    }
  }

  @Test
  void aBlockHoldsWholeLinesOfItsFile() throws IOException {
    int compared = 0;
    for (Path page : pages()) {
      for (Block block : Block.of(page)) {
        if (!block.source().isEmpty()) {
          String source = Files.readString(ROOT.resolve(block.source()));
          assertThat("\n" + withoutIndentation(source) + "\n")
              .as("%s, cut from %s", page, block.source())
              .contains("\n" + withoutIndentation(block.text()) + "\n");
          compared++;
        }
      }
    }
    assertThat(compared).isGreaterThan(5);
  }

  @Test
  void architectureHasARowForEachModule() throws IOException {
    Set<String> rows =
        Pattern.compile("`([a-z0-9]+)`")
            .matcher(
                Files.readString(ROOT.resolve("docs/architecture.md"))
                    .split("\n## Modules\n", 2)[1]
                    .split("\n## ", 2)[0]
                    .lines()
                    .filter(line -> line.startsWith("| `"))
                    .map(line -> line.split("\\|")[1])
                    .collect(joining(" ")))
            .results()
            .map(r -> r.group(1))
            .collect(toCollection(TreeSet::new));
    Set<String> modules =
        Pattern.compile("<module>([^<]+)</module>")
            .matcher(Files.readString(ROOT.resolve("pom.xml")).split("<profiles>", 2)[0])
            .results()
            .map(r -> r.group(1))
            .collect(toCollection(TreeSet::new));
    assertThat(rows).containsAll(modules);
  }

  @Test
  void everyFlagThatUsersReadOfExists() throws IOException {
    Set<String> known = new TreeSet<>(Flags.COMMON.keySet());
    known.addAll(FLAGS_OF_JAVA);
    known.add(Flags.CONFIG);
    known.add(Flags.KERNELS);
    for (Verb<?> verb : Library.verbs()) {
      verb.schema()
          .knobs()
          .forEach(
              knob -> {
                known.add(knob.flag());
                if (knob.setting().negatable()) {
                  known.add("--no-" + knob.flag().substring(2));
                }
              });
    }
    for (Path page : pages()) {
      if (!CUT.contains(page) && !page.startsWith(GUIDES)) {
        continue;
      }
      for (MatchResult flag : FLAG.matcher(Files.readString(page)).results().toList()) {
        assertThat(known).as("named in %s", page).contains(flag.group());
      }
    }
  }

  @Test
  void everyRelativeLinkLeadsToAFile() throws IOException {
    for (Path page : pages()) {
      for (MatchResult link : LINK.matcher(Files.readString(page)).results().toList()) {
        if (!link.group(1).contains(":")) {
          assertThat(page.resolveSibling(link.group(1))).as("linked from %s", page).exists();
        }
      }
    }
  }

  /// An anchor is a heading of its page, as GitHub makes it.
  @Test
  void everyAnchorIsAHeading() throws IOException {
    int found = 0;
    for (Path page : pages()) {
      for (MatchResult link : ANCHOR.matcher(Files.readString(page)).results().toList()) {
        Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1));
        assertThat(anchors(target)).as("linked from %s", page).contains(link.group(2));
        found++;
      }
    }
    assertThat(found).isGreaterThan(5);
  }

  private static Set<String> anchors(Path page) throws IOException {
    Set<String> anchors = new TreeSet<>();
    for (MatchResult heading : HEADING.matcher(Files.readString(page)).results().toList()) {
      String kept = heading.group(1).toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N} _-]", "");
      anchors.add(kept.replace(' ', '-'));
    }
    return anchors;
  }

  /// What somebody new asks first stands on the README's first screen.
  @Test
  void theReadmesFirstScreenIsOne() throws IOException {
    List<String> lines = Files.readAllLines(ROOT.resolve("README.md"));
    assertThat(String.join("\n", lines.subList(0, 40)))
        .contains("For teams", "[train]", "[judge]", "[gate]", "[serve many]", "[roll back]")
        .contains("docs/road.svg", "What it does not do", "## Install", "./nudge quickstart")
        .contains("./nudge train", "./nudge score");
  }

  /// `bench/headline` writes the three; bench's own tests compare them to the letter.
  @Test
  void readmeAndBenchmarksHaveTheRecordedFigures() throws IOException {
    JsonNode record = Json.read(ROOT.resolve("docs/headline.json"));
    String commit = record.get("commit").asString();
    List<JsonNode> rows = new ArrayList<>();
    record.get("rows").forEach(rows::add);
    assertThat(rows).hasSizeBetween(5, 10);
    for (String page : List.of("README.md", "docs/benchmarks.md")) {
      String block =
          Files.readString(ROOT.resolve(page))
              .split("<!-- headline -->", 2)[1]
              .split("<!-- /headline -->", 2)[0];
      assertThat(block).as(page).contains("commit " + commit);
      List<String> shown = block.lines().filter(line -> line.startsWith("| ")).skip(1).toList();
      assertThat(shown).as(page).hasSameSizeAs(rows);
      for (int i = 0; i < rows.size(); i++) {
        assertThat(shown.get(i))
            .as(page)
            .contains(
                "| %s | %s |"
                    .formatted(
                        rows.get(i).get("what").asString(), rows.get(i).get("figure").asString()));
      }
    }
  }

  @Test
  void everyCommitThatIsNamedIsOneOfTheHistory() throws IOException {
    assumeTrue(Files.exists(ROOT.resolve(".git")), "needs the history");
    assumeTrue(git("rev-parse", "--is-shallow-repository").strip().equals("false"), "is shallow");
    List<String> known = git("log", "--format=%H").lines().toList();
    Set<String> missing = new TreeSet<>();
    int found = 0;
    for (String page : List.of("README.md", "docs/benchmarks.md")) {
      for (MatchResult match :
          COMMIT.matcher(Files.readString(ROOT.resolve(page))).results().toList()) {
        found++;
        if (known.stream().noneMatch(commit -> commit.startsWith(match.group()))) {
          missing.add(match.group());
        }
      }
    }
    assertThat(missing).as("commits that git log does not have").isEmpty();
    assertThat(found).isGreaterThan(10);
  }

  private static String git(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(arguments));
    Process git = new ProcessBuilder(command).directory(ROOT.toFile()).start();
    return new String(git.getInputStream().readAllBytes(), UTF_8);
  }

  /// A page that grows beyond its budget is rewritten, or something leaves it.
  @Test
  void noPageHasMoreWordsThanItsBudget() throws IOException {
    List<String> over = new ArrayList<>();
    words()
        .forEach(
            (page, words) -> {
              if (words > mostWords(page)) {
                over.add("%s: %d words of at most %d".formatted(page, words, mostWords(page)));
              }
            });
    assertThat(over).isEmpty();
  }

  @Test
  void allPagesTogetherHaveFewWords() throws IOException {
    Map<String, Integer> words = words();
    int sum = words.values().stream().mapToInt(Integer::intValue).sum();
    assertThat(sum).as("words of all Markdown: %s", words).isBetween(10_000, MOST_WORDS);
  }

  private static int mostWords(String page) {
    return switch (page) {
      case "README.md" -> 1_600;
      case "docs/architecture.md" -> 3_500;
      case "docs/decisions.md" -> 4_500;
      default -> page.startsWith("docs/guide/") ? 2_000 : 4_000;
    };
  }

  /// Words of each Markdown file that git tracks: others may be cards of adapters trained here.
  private static Map<String, Integer> words() throws IOException {
    assumeTrue(Files.exists(ROOT.resolve(".git")), "no clone");
    Process git =
        new ProcessBuilder("git", "ls-files", "-z", "--", "*.md").directory(ROOT.toFile()).start();
    String files = new String(git.getInputStream().readAllBytes(), UTF_8);
    Map<String, Integer> words = new TreeMap<>();
    for (String file : files.split("\0")) {
      Path page = ROOT.resolve(file);
      if (Files.isRegularFile(page)) {
        words.put(file, Files.readString(page).strip().split("\\s+").length);
      }
    }
    assertThat(words).containsKeys("README.md", "docs/decisions.md");
    return words;
  }

  @Test
  void aDecisionHasFourLines() throws IOException {
    String page = Files.readString(ROOT.resolve("docs/decisions.md"));
    List<String> entries = List.of(page.split("(?m)^### "));
    assertThat(entries.size() - 1).isLessThanOrEqualTo(MOST_DECISIONS);
    for (String entry : entries.subList(1, entries.size())) {
      assertThat(entry.split("(?m)^## ")[0].lines().filter(line -> !line.isBlank()).skip(1))
          .as(entry)
          .satisfiesExactly(
              line -> assertThat(line).startsWith("- Decided: "),
              line -> assertThat(line).startsWith("- Why: "),
              line -> assertThat(line).startsWith("- Lost: "),
              line -> assertThat(line).startsWith("- Would change it: "));
    }
  }

  /// A block of code of a page, fenced or indented.
  ///
  /// @param source what the comment above it names (`<!-- examples/FineTune.java -->`), else empty
  private record Block(String source, String language, String text) {
    private static final Pattern COMMENT = Pattern.compile("<!-- (\\S+) -->");
    private static final String FENCE = "```";
    private static final String INDENT = "    ";

    static List<Block> of(Path page) throws IOException {
      List<Block> blocks = new ArrayList<>();
      List<String> lines = Files.readAllLines(page);
      String source = "";
      boolean paragraph = false;
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        boolean fenced = line.startsWith(FENCE);
        if (fenced || line.startsWith(INDENT) && !paragraph) {
          String language = fenced ? line.substring(FENCE.length()) : "";
          StringBuilder text = new StringBuilder();
          i += fenced ? 1 : 0;
          while (i < lines.size() && goesOn(lines, i, fenced)) {
            text.append(lines.get(i++)).append('\n');
          }
          i -= fenced ? 0 : 1;
          blocks.add(new Block(source, language, text.toString()));
          source = "";
        } else {
          var comment = COMMENT.matcher(line);
          if (comment.matches()) {
            source = comment.group(1);
          } else if (!line.isBlank()) {
            source = "";
          }
          paragraph = !line.isBlank() && !comment.matches();
        }
      }
      return blocks;
    }

    private static boolean goesOn(List<String> lines, int i, boolean fenced) {
      String line = lines.get(i);
      if (fenced) {
        return !line.equals(FENCE);
      }
      boolean between =
          line.isBlank() && i + 1 < lines.size() && lines.get(i + 1).startsWith(INDENT);
      return line.startsWith(INDENT) || between;
    }
  }

  private static List<Path> pages() throws IOException {
    List<Path> pages =
        new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      docs.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
    }
    return pages;
  }

  private static String withoutIndentation(String code) {
    return code.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(joining("\n"));
  }
}
