import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/// Makes the archive of `mvn -Pdist package`: the command with a Java of its own, for the platform
/// that this runs on.
///
/// - `bin/nudge`: the launcher of the repository, which knows this layout
/// - `runtime/`: the modules of this JDK that the command needs
/// - `app/`: its jars, with natives of this platform only, and the start-up cache
/// - `base/`, `examples/`, `LICENSE`, `NOTICE`
///
/// Not jpackage: its launcher takes no descriptor 3, and its JVM flags would be a second copy of
/// the launcher's. The start-up cache works only with the flags that it was made with.
final class Dist {
  /// The modules that `jdeps` finds below the jars, less those that only unused parts of libraries
  /// name: java.desktop (pictures, Swing), java.sql, java.compiler, jdk.httpserver.
  /// Jackson loads its java.xml classes by reflection.
  private static final String MODULES =
      "java.logging,java.management,java.net.http,java.xml,"
          + "jdk.incubator.vector,jdk.jfr,jdk.management,jdk.unsupported";

  /// Natives of tokenizers (`linux-x86_64/cpu`) and of jline (`Linux/x86_64`); oneDNN's jar is
  /// of one platform already.
  private static final Pattern NATIVE =
      Pattern.compile("(?:native/lib|org/jline/nativ)/(.+)/[^/]+");

  private final Path module;
  private final Path repository;
  private final Path folder;

  private Dist(Path module, String version) {
    this.module = module;
    this.repository = module.getParent();
    this.folder = module.resolve("target/dist/nudge-" + version + "-" + platform());
  }

  /// Takes the folder of the module `cli`, packaged, and the version.
  public static void main(String[] args) throws Exception {
    Dist dist = new Dist(Path.of(args[0]).toAbsolutePath(), args[1]);
    dist.delete();
    dist.runtime();
    dist.app();
    dist.files();
    dist.startUpCache();
    dist.pack();
  }

  /// Named as the library of tokenizers names it in its jar.
  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String system = os.startsWith("mac") ? "osx" : "linux";
    return system + "-" + (System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64");
  }

  private void delete() throws Exception {
    run(new ProcessBuilder("rm", "-rf", folder.getParent().toString()));
    Files.createDirectories(folder);
  }

  private void runtime() {
    PrintStream quiet = new PrintStream(java.io.OutputStream.nullOutputStream());
    int code =
        ToolProvider.findFirst("jlink")
            .orElseThrow()
            .run(
                quiet, // it warns of the incubator module
                System.err,
                "--add-modules",
                MODULES,
                "--no-header-files",
                "--no-man-pages",
                "--output",
                folder.resolve("runtime").toString());
    if (code != 0) {
      throw new IllegalStateException("jlink ended with " + code);
    }
  }

  /// Copies the command's jar and those that its manifest names.
  private void app() throws IOException {
    Path target = module.resolve("target");
    Path app = Files.createDirectories(folder.resolve("app/lib")).getParent();
    Path jar = target.resolve("nudge-cli.jar");
    Files.copy(jar, app.resolve("nudge-cli.jar"));
    try (JarFile opened = new JarFile(jar.toFile())) {
      String path = opened.getManifest().getMainAttributes().getValue("Class-Path");
      for (String other : path.split(" ")) {
        trim(target.resolve(other), app.resolve(other));
      }
    }
  }

  /// Copies a jar less the natives of other platforms.
  private static void trim(Path from, Path to) throws IOException {
    try (ZipFile jar = new ZipFile(from.toFile())) {
      List<? extends ZipEntry> kept = jar.stream().filter(e -> isOurs(e.getName())).toList();
      if (kept.size() == jar.size()) {
        Files.copy(from, to);
        return;
      }
      try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(to))) {
        for (ZipEntry entry : kept) {
          ZipEntry copy = new ZipEntry(entry.getName());
          copy.setTime(entry.getTime());
          out.putNextEntry(copy);
          try (InputStream in = jar.getInputStream(entry)) {
            in.transferTo(out);
          }
        }
      }
    }
  }

  private static boolean isOurs(String entry) {
    var name = NATIVE.matcher(entry);
    if (!name.matches()) {
      return true;
    }
    String place = name.group(1).toLowerCase(Locale.ROOT).replace("/cpu", "").replace('/', '-');
    return place.replace("mac-", "osx-").replace("arm64", "aarch64").equals(platform());
  }

  private void files() throws IOException {
    copy(repository.resolve("nudge"), folder.resolve("bin/nudge"));
    for (String file : List.of("LICENSE", "NOTICE", "base/model", "examples")) {
      copy(repository.resolve(file), folder.resolve(file));
    }
  }

  /// Copies a file, or a folder less what builds left in it.
  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        Path inside = from.relativize(path);
        if (!inside.toString().contains("target/")) {
          Path copied = inside.toString().isEmpty() ? to : to.resolve(inside);
          Files.createDirectories(copied.getParent());
          Files.copy(path, copied, java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }

  /// Records what the JVM learns in a rehearsal, by the launcher itself: a cache is good only for
  /// the flags that it was made with.
  private void startUpCache() throws Exception {
    Path cache = folder.resolve("app/nudge.aot");
    ProcessBuilder rehearsal =
        new ProcessBuilder(folder.resolve("bin/nudge").toString(), "--help")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD);
    rehearsal
        .environment()
        .put("NUDGE_JAVA_OPTS", "-XX:AOTCacheOutput=" + cache + " -Dnudge.rehearse=30");
    run(rehearsal);
    if (!Files.exists(cache)) {
      throw new IllegalStateException("the JVM made no start-up cache " + cache);
    }
  }

  private void pack() throws Exception {
    String name = folder.getFileName().toString();
    List<String> tar = new ArrayList<>(List.of("tar", "-czf", name + ".tar.gz"));
    if (name.contains("-linux-")) { // who unpacks it as root shall own it
      tar.addAll(List.of("--owner=0", "--group=0", "--numeric-owner"));
    }
    tar.add(name);
    run(new ProcessBuilder(tar).directory(folder.getParent().toFile()));
  }

  private static void run(ProcessBuilder command) throws Exception {
    int code = command.redirectError(ProcessBuilder.Redirect.INHERIT).start().waitFor();
    if (code != 0) {
      throw new IllegalStateException(command.command() + " ended with " + code);
    }
  }
}
