package dev.nudge.align;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.jar.JarFile;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/// Finds the rewards that are Java classes: services of [Reward] on the class path and in the jars
/// of `--reward-jar`. Jars after the first may be libraries of the others.
///
/// The jars stay open while the process has their rewards: a class is loaded when it is first
/// needed.
public final class RewardClasses {
  private static final String SERVICES = "META-INF/services/" + Reward.class.getName();

  private final List<String> jars;
  private @Nullable List<Reward> rewards; // null: not made yet

  private RewardClasses(List<String> jars) {
    this.jars = jars;
  }

  /// Makes the rewards of jars with those of the class path; without jars those of the class path
  /// are made when one is named.
  ///
  /// @throws InputException if a jar cannot be read, or gives a reward that cannot be made; if none
  ///     of the jars gives a reward
  public static RewardClasses of(List<String> jars) {
    RewardClasses classes = new RewardClasses(jars);
    if (jars.isEmpty()) {
      return classes;
    }
    if (jars.stream().filter(RewardClasses::hasService).count() == 0) {
      throw wrong(jars, "it has no " + SERVICES + ", which names the classes that give rewards");
    }
    classes.rewards = made(jars);
    return classes;
  }

  private static List<Reward> made(List<String> jars) {
    ClassLoader above = Thread.currentThread().getContextClassLoader();
    URL[] places = jars.stream().map(RewardClasses::place).toArray(URL[]::new);
    try {
      List<Reward> rewards = new ArrayList<>();
      ServiceLoader.load(
              Reward.class, places.length == 0 ? above : new URLClassLoader(places, above))
          .forEach(rewards::add);
      return rewards;
    } catch (ServiceConfigurationError | LinkageError e) {
      String said =
          String.valueOf(e.getMessage()).replace(Reward.class.getName() + ": Provider", "class");
      String why = e.getCause() == null ? null : e.getCause().getMessage();
      String what = why == null ? said : said + ": " + why;
      throw jars.isEmpty() ? new InputException("--reward: " + what, e) : wrong(jars, what);
    }
  }

  /// Finds a reward by its name.
  ///
  /// @throws InputException if there is none
  Reward named(String name) {
    List<Reward> made = rewards == null ? made(jars) : rewards;
    rewards = made;
    List<String> names = made.stream().map(Reward::name).toList();
    if (!names.contains(name)) {
      throw new InputException(
          "--reward %s: no such reward; there are exact, regex, length, json, adapter and url, and of Java classes %s (--reward-jar)"
              .formatted(name, names.isEmpty() ? "none" : String.join(", ", names)));
    }
    return made.get(names.indexOf(name));
  }

  private static boolean hasService(String jar) {
    Path file = Path.of(jar);
    if (!Files.isRegularFile(file)) {
      throw wrong(
          List.of(jar), Files.isDirectory(file) ? "it is a folder; give a jar" : "no such file");
    }
    try (JarFile open = new JarFile(file.toFile())) {
      return open.getEntry(SERVICES) != null;
    } catch (ZipException e) {
      throw wrong(List.of(jar), "it is no jar");
    } catch (IOException e) {
      throw wrong(List.of(jar), OutFolder.reason(e));
    }
  }

  private static URL place(String jar) {
    try {
      return Path.of(jar).toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static InputException wrong(List<String> jars, String what) {
    return new InputException("--reward-jar %s: %s".formatted(String.join(", ", jars), what));
  }
}
