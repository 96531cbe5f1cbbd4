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

/// What holds for the packages of the library and of evaluation: which may use which, and who knows
/// what. A test class of each module implements it.
///
/// A new package gets a row in the table of `docs/architecture.md`.
public interface PackageRules {
  String ROOT = "dev.nudge";
  Path SOURCES = Path.of("src/main/java");

  /// Those of the module whose test runs.
  JavaClasses CLASSES = new ClassFileImporter().importPath(Path.of("target/classes"));

  /// The heading of `docs/architecture.md` over the table of this module.
  String heading();

  /// Package → packages that it may use, of this module and of those below, as the page has them.
  /// `settings` and its subpackages may be used from anywhere.
  private Map<String, Set<String>> mayUse() throws IOException {
    Pattern row = Pattern.compile("(?m)^\\| `([a-z.0-9]+)` \\|[^|\n]*\\| ([^|\n]*) \\|$");
    String page = Files.readString(Path.of("../docs/architecture.md"));
    String section = page.split("\n## " + heading() + "\n", 2)[1].split("\n## ", 2)[0];
    return row.matcher(section)
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
  }

  @Test
  default void everyPackageOnDiskHasARow() throws IOException {
    assertThat(mayUse().keySet()).containsAll(packagesOnDisk());
  }

  @Test
  default void packagesUseOnlyWhatTheirRowNames() throws IOException {
    Map<String, Set<String>> table = mayUse();
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
                || to.startsWith("settings.")
                || table.getOrDefault(from, Set.of()).contains(to);
        if (!allowed) {
          wrong.add(from + " may not use " + to + ": " + use.getDescription());
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  default void packagesFormNoCycle() throws IOException {
    slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(CLASSES);
    // The table too, so that a cycle is not one class away.
    Map<String, Set<String>> table = mayUse();
    Set<String> placed = new TreeSet<>();
    table.values().forEach(placed::addAll);
    placed.removeAll(table.keySet()); // those of modules below
    int below = placed.size();
    while (placed.size() < below + table.size()) {
      Set<String> next = new TreeSet<>();
      table.forEach(
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
  default void onlyTheBindingKnowsNativeCode() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".tensor.onednn")
        .and()
        .haveNameNotMatching("dev\\.nudge\\.(tensor\\.NativeAccess|kernel\\.code\\.Code)(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .haveNameMatching("java\\.lang\\.foreign\\.(Linker|SymbolLookup)(\\$.*)?")
        .check(CLASSES);
    noClasses().should().dependOnClassesThat().resideInAPackage("org.bytedeco..").check(CLASSES);
  }

  @Test
  default void onlyTheVectorProviderKnowsTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".kernel.simd")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator..")
        .check(CLASSES);
  }

  @Test
  default void onlyWarningsKnowsTheLog() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName(ROOT + ".settings.Warnings")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.slf4j..")
        .check(CLASSES);
  }

  @Test
  default void onlyTextKnowsTheTokenizerLibrary() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".text")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl..")
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  /// One arena of a thread's own in the process keeps a test of the thread in every vector loop,
  /// which then takes half as long again to compile: `CallMemory` says more.
  @Test
  default void noMemoryBelongsToOneThread() {
    noClasses().should().callMethod(Arena.class, "ofConfined").check(CLASSES);
  }

  @Test
  default void theLibraryNeverPrintsExitsOrReadsTheEnvironment() {
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
  default void everyPackageSaysWhatItIsForWhatItIgnoresAndWhereToStart() throws IOException {
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
