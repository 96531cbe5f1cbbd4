package dev.nudge.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.DirectMethodHandleDesc;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Which method of our classes calls which, as their bytecode says. Overloads are one method, and
/// lambdas belong to the method that makes them.
final class CallGraph {
  /// A method by the internal name of its class, such as `dev/nudge/train/Run`.
  record Method(String owner, String name) {
    /// Where it is written.
    private String file() {
      return owner.replaceFirst("\\$.*", "");
    }
  }

  private static final String OURS = "dev/nudge/";

  private final Map<Method, Set<Method>> calls = new HashMap<>();
  private final Map<String, Set<String>> supertypes = new HashMap<>();
  private final Map<Method, Set<Method>> implementations = new HashMap<>(); // by lambdas

  private CallGraph() {}

  /// Reads the classes of the modules that these are of.
  static CallGraph of(List<Class<?>> modules) throws IOException {
    CallGraph graph = new CallGraph();
    for (Class<?> one : modules) {
      try {
        graph.read(Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI()));
      } catch (URISyntaxException e) {
        throw new IOException(e);
      }
    }
    return graph;
  }

  private void read(Path place) throws IOException {
    if (Files.isDirectory(place)) {
      readAll(place);
    } else {
      try (FileSystem jar = FileSystems.newFileSystem(place)) {
        readAll(jar.getPath("/"));
      }
    }
  }

  private void readAll(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files.filter(file -> file.toString().endsWith(".class")).forEach(this::add);
    }
  }

  private void add(Path file) {
    ClassModel type;
    try {
      type = ClassFile.of().parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String owner = type.thisClass().asInternalName();
    Set<String> above = supertypes.computeIfAbsent(owner, _ -> new HashSet<>());
    type.superclass().ifPresent(name -> above.add(name.asInternalName()));
    type.interfaces().forEach(name -> above.add(name.asInternalName()));
    for (MethodModel method : type.methods()) {
      Method caller = new Method(owner, method.methodName().stringValue());
      Set<Method> called = calls.computeIfAbsent(caller, _ -> new LinkedHashSet<>());
      method.code().ifPresent(code -> code.forEach(element -> add(element, called)));
    }
  }

  private void add(CodeElement element, Set<Method> called) {
    if (element instanceof InvokeInstruction call) {
      called.add(new Method(call.owner().asInternalName(), call.name().stringValue()));
    } else if (element instanceof InvokeDynamicInstruction made) {
      String type = internal(made.typeSymbol().returnType().descriptorString());
      for (Object argument : made.bootstrapArgs()) {
        if (argument instanceof DirectMethodHandleDesc handle) {
          Method body =
              new Method(internal(handle.owner().descriptorString()), handle.methodName());
          called.add(body);
          implementations
              .computeIfAbsent(
                  new Method(type, made.name().stringValue()), _ -> new LinkedHashSet<>())
              .add(body);
        }
      }
    }
  }

  private static String internal(String descriptor) {
    return descriptor.startsWith("L")
        ? descriptor.substring(1, descriptor.length() - 1)
        : descriptor;
  }

  /// Methods by how a page names them: `Scorer.Scores`, `go`; a constructor is `new`.
  Set<Method> named(String type, String name) {
    String end = "/" + type.replace('.', '$');
    String real = name.equals("new") ? "<init>" : name;
    return calls.keySet().stream()
        .filter(m -> m.name().equals(real) && m.owner().endsWith(end))
        .collect(Collectors.toSet());
  }

  /// Those of some methods that one of the callers calls; all where there is no caller.
  Set<Method> called(Set<Method> callers, Set<Method> methods) {
    return methods.stream()
        .filter(to -> callers.isEmpty() || callers.stream().anyMatch(from -> calls(from, to)))
        .collect(Collectors.toSet());
  }

  /// Whether one method calls another, by itself or by methods of its own file. A call of an
  /// interface's or a class's method is one of each that overrides it.
  boolean calls(Method from, Method to) {
    return reached(from).stream().anyMatch(called -> isOrOverrides(to, called));
  }

  private Set<Method> reached(Method from) {
    Set<Method> all = new HashSet<>();
    Set<Method> seen = new HashSet<>();
    Deque<Method> open = new ArrayDeque<>(overriding(from));
    while (!open.isEmpty()) {
      Method next = open.pop();
      if (seen.add(next)) {
        for (Method called : called(next)) {
          all.add(called);
          if (called.file().equals(next.file())) {
            open.add(called);
          }
        }
      }
    }
    return all;
  }

  private Set<Method> called(Method method) {
    Set<Method> called = new HashSet<>(calls.getOrDefault(method, Set.of()));
    called.addAll(implementations.getOrDefault(method, Set.of()));
    return called;
  }

  /// A method and those that override it.
  private Set<Method> overriding(Method method) {
    Set<Method> all = new HashSet<>();
    all.add(method);
    for (Method other : calls.keySet()) {
      if (other.name().equals(method.name()) && isBelow(other.owner(), method.owner())) {
        all.add(other);
      }
    }
    return all;
  }

  private boolean isOrOverrides(Method method, Method called) {
    return method.name().equals(called.name())
        && (isBelow(method.owner(), called.owner()) || isBelow(called.owner(), method.owner()));
  }

  private boolean isBelow(String type, String above) {
    return type.equals(above)
        || supertypes.getOrDefault(type, Set.of()).stream()
            .anyMatch(next -> next.startsWith(OURS) && isBelow(next, above));
  }
}
