package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathFactory;
import javax.xml.xpath.XPathNodes;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

/// Holds what other builds write down of nudge to what it is: coordinates, version, module names.
class CoordinatesTest {
  private static final Path ROOT = Path.of("..");

  /// Modules whose jars are not for use by others.
  private static final Set<String> OWN = Set.of("bench");

  private static final String BOM = "bom";

  @Test
  void theBomHasEveryJarAtTheVersionOfTheParent() throws Exception {
    Pom parent = Pom.of("pom.xml");
    Pom bom = Pom.of(BOM + "/pom.xml");
    assertThat(bom.one("/project/groupId")).isEqualTo(parent.one("/project/groupId"));
    assertThat(bom.one("/project/artifactId")).isEqualTo("nudge-bom");
    assertThat(bom.one("/project/version")).isEqualTo(parent.one("/project/version"));
    Set<String> jars = new TreeSet<>();
    for (String module : modules(parent)) {
      if (!OWN.contains(module)) {
        jars.add(Pom.of(module + "/pom.xml").one("/project/artifactId"));
      }
    }
    String managed = "/project/dependencyManagement/dependencies/dependency";
    assertThat(bom.all(managed + "/artifactId")).containsExactlyInAnyOrderElementsOf(jars);
    assertThat(bom.all(managed + "/groupId")).containsOnly("dev.nudge");
    assertThat(bom.all(managed + "/version")).containsOnly("${project.version}");
  }

  /// The block of docs/guide/java.md is cut from this file, which `DocumentsTest` checks.
  @Test
  void thePomThatUsersCopyNamesTheRealCoordinatesAndVersion() throws Exception {
    Pom parent = Pom.of("pom.xml");
    Pom example = Pom.of("examples/pom.xml");
    String imported = "/project/dependencyManagement/dependencies/dependency";
    assertThat(example.one(imported + "/groupId")).isEqualTo("dev.nudge");
    assertThat(example.one(imported + "/artifactId")).isEqualTo("nudge-bom");
    assertThat(example.one(imported + "/version")).isEqualTo(parent.one("/project/version"));
    assertThat(example.one("/project/dependencies/dependency/artifactId"))
        .isEqualTo(Pom.of("core/pom.xml").one("/project/artifactId"));
    assertThat(example.one("/project/properties/maven.compiler.release"))
        .isEqualTo(parent.one("/project/properties/maven.compiler.release"));
    assertThat(Files.readString(ROOT.resolve("docs/guide/java.md")))
        .contains("<!-- examples/pom.xml -->")
        .contains("<version>" + parent.one("/project/version") + "</version>");
  }

  /// What compiles nudge compiles what uses it; `ExamplePomTest` tries it.
  @Test
  void pomsOfExamplesHaveTheVersionsOfTheBuild() throws Exception {
    Pom parent = Pom.of("pom.xml");
    Pom example = Pom.of("examples/pom.xml");
    Pom boot = Pom.of("examples/spring-boot/pom.xml");
    List<String> plugins = example.all("//plugin/artifactId");
    assertThat(plugins).contains("maven-compiler-plugin", "maven-toolchains-plugin");
    for (String plugin : plugins) {
      String version = "//plugin[artifactId='" + plugin + "']/version";
      assertThat(example.one(version)).as(plugin).isEqualTo(parent.one(version));
    }
    String toolchain = "//plugin[artifactId='maven-toolchains-plugin']";
    assertThat(boot.one(toolchain + "/version")).isEqualTo(parent.one(toolchain + "/version"));
    String jdk = toolchain + "//configuration/version";
    assertThat(List.of(example.one(jdk), boot.one(jdk))).containsOnly(parent.one(jdk));
    assertThat(boot.one("//configuration/optimizedLaunch")).isEqualTo("false"); // 30 times slower
    assertThat(boot.one("/project/parent/version"))
        .isEqualTo(parent.one("/project/properties/spring-boot.version"));
    assertThat(boot.one("//dependency[artifactId='spring-ai-client-chat']/version"))
        .isEqualTo(parent.one("/project/properties/spring-ai.version"));
    assertThat(boot.one("//dependency[artifactId='nudge-bom']/version"))
        .isEqualTo(parent.one("/project/version"));
  }

  /// A jar's module name is `dev.nudge` or begins with it, no two are the same, and no package is
  /// in two modules, which the module path would refuse.
  @Test
  void everyJarHasAModuleNameOfItsOwn() throws Exception {
    Pom parent = Pom.of("pom.xml");
    assertThat(parent.all("//manifestEntries/Automatic-Module-Name"))
        .containsExactly("${nudge.module}");
    List<String> names = new ArrayList<>();
    List<String> packages = new ArrayList<>();
    for (String module : modules(parent)) {
      String name = Pom.of(module + "/pom.xml").one("/project/properties/nudge.module");
      ModuleDescriptor.newAutomaticModule(name); // throws where it is no name
      assertThat(name).as(module).matches("dev\\.nudge(\\.[a-z0-9]+)?");
      names.add(name);
      packages.addAll(packages(module));
    }
    assertThat(names).doesNotHaveDuplicates().contains("dev.nudge", "dev.nudge.cli");
    assertThat(packages).doesNotHaveDuplicates().contains("dev/nudge", "dev/nudge/cli");
  }

  @Test
  void aReleaseHasSourcesAndJavadoc() throws Exception {
    String plugins = "/project/profiles/profile[id='release']/build/plugins/plugin";
    Pom parent = Pom.of("pom.xml");
    assertThat(parent.all(plugins + "/artifactId"))
        .containsExactly("maven-source-plugin", "maven-javadoc-plugin");
    assertThat(parent.all(plugins + "/executions/execution/goals/goal"))
        .containsExactly("jar-no-fork", "jar");
  }

  /// What Maven Central asks of each POM; modules have a parent and inherit the rest.
  @Test
  void pomsSayWhatCentralAsksFor() throws Exception {
    Pom parent = Pom.of("pom.xml");
    Pom bom = Pom.of(BOM + "/pom.xml");
    for (String path :
        List.of(
            "url",
            "licenses/license/name",
            "licenses/license/url",
            "developers/developer/name",
            "scm/connection",
            "scm/url")) {
      assertThat(parent.one("/project/" + path)).isNotEmpty();
      assertThat(bom.one("/project/" + path)).isEqualTo(parent.one("/project/" + path));
    }
    for (String module : parent.all("/project/modules/module")) {
      Pom pom = Pom.of(module + "/pom.xml");
      assertThat(pom.one("/project/name")).isEqualTo(pom.one("/project/artifactId"));
      assertThat(pom.one("/project/description")).as(module).isNotEmpty();
    }
    for (String module : OWN) {
      assertThat(Pom.of(module + "/pom.xml").one("/project/properties/maven.deploy.skip"))
          .isEqualTo("true");
    }
  }

  @Test
  void aKeySignsWhatAReleaseDeploys() throws Exception {
    String sign = "/project/profiles/profile[id='sign']";
    Pom parent = Pom.of("pom.xml");
    Pom bom = Pom.of(BOM + "/pom.xml");
    for (String path :
        List.of(
            "/activation/property/name",
            "/build/plugins/plugin/version",
            "/build/plugins/plugin/executions/execution/goals/goal")) {
      assertThat(bom.one(sign + path)).isEqualTo(parent.one(sign + path));
    }
    assertThat(parent.one(sign + "/activation/property/name")).isEqualTo("gpg.keyname");
  }

  /// Modules that make a jar.
  private static List<String> modules(Pom parent) throws Exception {
    return parent.all("/project/modules/module").stream().filter(m -> !m.equals(BOM)).toList();
  }

  private static Set<String> packages(String module) throws IOException {
    Path sources = ROOT.resolve(module).resolve("src/main/java");
    Set<String> packages = new TreeSet<>();
    try (Stream<Path> files = Files.walk(sources)) {
      files
          .filter(f -> f.toString().endsWith(".java"))
          .forEach(f -> packages.add(sources.relativize(f.getParent()).toString()));
    }
    return packages;
  }

  private record Pom(Document document) {
    static Pom of(String file) throws Exception {
      var builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
      return new Pom(builder.parse(ROOT.resolve(file).toFile()));
    }

    String one(String path) throws Exception {
      List<String> all = all(path);
      assertThat(all).as(path).hasSize(1);
      return all.getFirst();
    }

    List<String> all(String path) throws Exception {
      List<String> texts = new ArrayList<>();
      XPathFactory.newInstance()
          .newXPath()
          .evaluateExpression(path, document, XPathNodes.class)
          .forEach(node -> texts.add(node.getTextContent().strip()));
      return texts;
    }
  }
}
