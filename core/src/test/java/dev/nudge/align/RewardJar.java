package dev.nudge.align;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;

/// Compiles jars with a reward, as a user of `--reward-jar` does.
public final class RewardJar {
  private RewardJar() {}

  /// A jar whose service `own.Own`, named `own`, returns an expression over `sample`.
  ///
  /// @param folder that is new; it holds the jar, its source and its class
  /// @param constructor what the class does when it is made
  public static Path of(Path folder, String expression, String constructor) throws IOException {
    Path source = Files.createDirectories(folder).resolve("Own.java");
    Files.writeString(
        source,
        """
        package own;
        public final class Own implements dev.nudge.align.Reward {
          public Own() { %s }
          public String name() { return "own"; }
          public double of(dev.nudge.align.Sample sample) { return new Half().of(%s); }
          static final class Half { double of(double value) { return value / 2; } }
        }
        """
            .formatted(constructor, expression));
    String[] command = {"-proc:none", "-d", folder.toString(), source.toString()};
    assertThat(ToolProvider.getSystemJavaCompiler().run(null, null, null, command)).isZero();
    return packed(folder);
  }

  /// Packs the classes of such a folder again.
  static Path packed(Path folder) throws IOException {
    Path jar = folder.resolve("own.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String name : new String[] {"own/Own.class", "own/Own$Half.class"}) {
        out.putNextEntry(new JarEntry(name));
        Files.copy(folder.resolve(name), out);
      }
      out.putNextEntry(new JarEntry("META-INF/services/dev.nudge.align.Reward"));
      out.write("own.Own\n".getBytes(UTF_8));
    }
    return jar;
  }
}
