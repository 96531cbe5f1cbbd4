package dev.nudge;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.toCollection;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.GeneralCodingRules;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Hold the library to its map: which package may use which, and who knows what.
///
/// [#MAY_USE] is the table of `docs/architecture.md` as data. A new package gets a row in both.
class ArchitectureTest {

  private static final String ROOT = "dev.nudge";
  private static final Path SOURCES = Path.of("src/main/java");

  /// Package → packages that it may use, in reading order. `settings` may be used from anywhere.
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("settings", Set.of()),
          Map.entry("tensor", Set.of()),
          Map.entry("tensor.onednn", Set.of("tensor")),
          Map.entry("kernel", Set.of("tensor")),
          Map.entry("kernel.simd", Set.of("tensor", "kernel")),
          Map.entry("machine", Set.of("tensor", "kernel")),
          Map.entry("nn", Set.of("tensor", "kernel")),
          Map.entry("quant", Set.of("tensor", "kernel", "nn", "format")),
          Map.entry("format", Set.of("tensor")),
          Map.entry("identity", Set.of("tensor", "format")),
          Map.entry(
              "model", Set.of("tensor", "kernel", "machine", "nn", "quant", "format", "identity")),
          Map.entry("adapter", Set.of("tensor", "kernel", "machine", "nn", "format")),
          Map.entry("text", Set.of("format")),
          Map.entry("text.jinja", Set.of("format")),
          Map.entry("text.chat", Set.of("format", "text.jinja")),
          Map.entry("constrain", Set.of("format", "text")),
          Map.entry("data.source", Set.of()),
          Map.entry("data.quality", Set.of()),
          Map.entry(
              "data",
              Set.of("tensor", "format", "text", "text.chat", "data.source", "data.quality")),
          Map.entry("init", Set.of("format", "model", "text", "data")),
          Map.entry("curves", Set.of("format")),
          Map.entry(
              "engine", Set.of("tensor", "kernel", "machine", "nn", "model", "adapter", "data")),
          Map.entry(
              "generate",
              Set.of(
                  "tensor",
                  "machine",
                  "nn",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "format",
                  "constrain",
                  "engine")),
          Map.entry(
              "merge",
              Set.of(
                  "tensor",
                  "kernel",
                  "machine",
                  "nn",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text")),
          Map.entry(
              "plan", Set.of("tensor", "kernel", "machine", "nn", "quant", "model", "adapter")),
          Map.entry(
              "train",
              Set.of(
                  "tensor",
                  "kernel",
                  "machine",
                  "nn",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "engine",
                  "generate",
                  "plan",
                  "curves")),
          Map.entry("runs", Set.of("machine", "format", "identity", "curves", "plan", "train")),
          Map.entry("registry", Set.of("format", "identity", "adapter")),
          Map.entry(
              "chat",
              Set.of(
                  "tensor",
                  "machine",
                  "adapter",
                  "text",
                  "text.chat",
                  "data",
                  "format",
                  "constrain",
                  "generate",
                  "registry")),
          Map.entry("eval.metric", Set.of()),
          Map.entry("eval.leak", Set.of("data.quality")),
          Map.entry("eval", Set.of("machine", "model", "text", "data", "engine", "generate")),
          Map.entry("eval.task", Set.of("format", "text.jinja", "data.source")),
          Map.entry(
              "eval.run",
              Set.of(
                  "machine",
                  "format",
                  "identity",
                  "model",
                  "adapter",
                  "text",
                  "text.jinja",
                  "text.chat",
                  "data",
                  "engine",
                  "generate",
                  "eval",
                  "eval.metric",
                  "eval.task")),
          Map.entry(
              "eval.judge",
              Set.of(
                  "machine",
                  "format",
                  "identity",
                  "model",
                  "text",
                  "text.jinja",
                  "text.chat",
                  "data.source",
                  "data",
                  "generate",
                  "eval",
                  "eval.task",
                  "eval.run")),
          Map.entry(
              "eval.gate",
              Set.of("format", "eval", "eval.leak", "eval.task", "eval.run", "eval.judge")),
          Map.entry(
              "eval.report",
              Set.of(
                  "format",
                  "eval",
                  "eval.metric",
                  "eval.leak",
                  "eval.task",
                  "eval.run",
                  "eval.judge",
                  "eval.gate")),
          Map.entry(
              "eval.suite",
              Set.of(
                  "machine",
                  "identity",
                  "format",
                  "data",
                  "text.chat",
                  "data.source",
                  "eval.task",
                  "eval.leak",
                  "eval.run",
                  "eval.judge",
                  "eval.gate",
                  "eval.report")),
          Map.entry(
              ROOT,
              Set.of(
                  "kernel",
                  "machine",
                  "model",
                  "init",
                  "engine",
                  "generate",
                  "merge",
                  "train",
                  "eval",
                  "eval.suite",
                  "eval.run",
                  "runs",
                  "registry")));

  private static final JavaClasses CLASSES =
      new ClassFileImporter().importPath(Path.of("target/classes"));

  @Test
  void everyPackageOnDiskHasARow() throws IOException {
    assertThat(MAY_USE.keySet()).containsAll(packagesOnDisk());
  }

  @Test
  void thePageShowsTheSameTable() throws IOException {
    Pattern row = Pattern.compile("(?m)^\\| `([a-z.0-9]+)` \\|[^|\n]*\\| ([^|\n]*) \\|$");
    String page = Files.readString(Path.of("../docs/architecture.md"));
    String section = page.substring(page.indexOf("| package |"), page.indexOf("## The seams"));
    Map<String, Set<String>> shown =
        row.matcher(section)
            .results()
            .collect(
                toMap(
                    r -> r.group(1),
                    r ->
                        Pattern.compile("`([^`]+)`")
                            .matcher(r.group(2))
                            .results()
                            .map(name -> name.group(1))
                            .collect(toSet())));
    assertThat(shown).isEqualTo(MAY_USE);
  }

  @Test
  void packagesUseOnlyWhatTheirRowNames() {
    List<String> wrong = new ArrayList<>();
    for (JavaClass user : CLASSES) {
      String from = shortName(user);
      for (Dependency use : user.getDirectDependenciesFromSelf()) {
        JavaClass target = use.getTargetClass().getBaseComponentType();
        if (!target.getPackageName().startsWith(ROOT)) {
          continue;
        }
        String to = shortName(target);
        boolean allowed =
            to.equals(from)
                || to.equals("settings")
                || MAY_USE.getOrDefault(from, Set.of()).contains(to);
        if (!allowed) {
          wrong.add(from + " may not use " + to + ": " + use.getDescription());
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(CLASSES);
    // The table too, so that a cycle is not one class away.
    Set<String> placed = new TreeSet<>();
    while (placed.size() < MAY_USE.size()) {
      Set<String> next = new TreeSet<>();
      MAY_USE.forEach(
          (name, uses) -> {
            if (!placed.contains(name) && placed.containsAll(uses)) {
              next.add(name);
            }
          });
      assertThat(next).as("rows that use only rows above, after %s", placed).isNotEmpty();
      placed.addAll(next);
    }
  }

  @Test
  void onlyTheBindingKnowsNativeCode() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".tensor.onednn")
        .and()
        .doNotHaveFullyQualifiedName(ROOT + ".tensor.NativeAccess")
        .should()
        .dependOnClassesThat()
        .haveNameMatching("java\\.lang\\.foreign\\.(Linker|SymbolLookup)(\\$.*)?")
        .check(CLASSES);
    noClasses().should().dependOnClassesThat().resideInAPackage("org.bytedeco..").check(CLASSES);
  }

  /// One arena of a thread's own in the process keeps a test of the thread in every vector loop,
  /// which then takes half as long again to compile: `CallMemory` says more.
  @Test
  void noMemoryBelongsToOneThread() {
    noClasses().should().callMethod(Arena.class, "ofConfined").check(CLASSES);
  }

  @Test
  void onlyTheVectorProviderKnowsTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".kernel.simd")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator..")
        .check(CLASSES);
  }

  @Test
  void onlyTextKnowsTheTokenizerLibrary() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".text")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl..")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void theLibraryNeverPrintsExitsOrReadsTheEnvironment() {
    GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(CLASSES);
    noClasses()
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(System.class, "getenv", String.class)
        .orShould()
        .callMethod(System.class, "getenv")
        .check(CLASSES);
  }

  @Test
  void everyPackageSaysWhatItIsForWhatItIgnoresAndWhereToStart() throws IOException {
    for (String name : packagesOnDisk()) {
      String full = name.equals(ROOT) ? ROOT : ROOT + "." + name;
      Path file = SOURCES.resolve(full.replace('.', '/'), "package-info.java");
      assertThat(file).exists();
      assertThat(Files.readString(file))
          .as(file.toString())
          .startsWith("///")
          .contains("@NullMarked")
          .containsPattern("(?i)knows\\s+(///\\s+)?nothing")
          .containsPattern("(?i)\\bread\\s+(///\\s+)?[`\\[]");
    }
  }

  private static String shortName(JavaClass type) {
    String name = type.getPackageName();
    return name.equals(ROOT) ? ROOT : name.substring(ROOT.length() + 1);
  }

  private static SortedSet<String> packagesOnDisk() throws IOException {
    Path root = SOURCES.resolve(ROOT.replace('.', '/'));
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(f -> f.toString().endsWith(".java"))
          .map(f -> root.relativize(f.getParent()).toString().replace('/', '.').replace('\\', '.'))
          .map(name -> name.isEmpty() ? ROOT : name)
          .collect(toCollection(TreeSet::new));
    }
  }
}
