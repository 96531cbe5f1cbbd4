package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/// Holds one method handle for each oneDNN C function in use.
///
/// Handles of C objects are passed as `long`; [#check] throws if a status is not 0. The class is
/// initialised by its first use, after [#open].
final class Api {
  static final int BF16 = 2;
  static final int F32 = 3;
  static final int U8 = 6;
  static final int ARG_SRC = 1;
  static final int ARG_DST = 17;
  static final int ARG_WEIGHTS = 33;
  static final int ARG_SCRATCHPAD = 80;
  static final int QUERY_IMPLEMENTATION = 8;
  static final int QUERY_WEIGHTS_MD = 131;
  static final int QUERY_SCRATCHPAD_MD = 136;
  static final int ANY_LAYOUT = 1;
  static final int CPU = 1;
  static final int UNIMPLEMENTED = 3;
  static final int LAST_IMPLEMENTATION = 4;

  private static List<SymbolLookup> libraries = List.of();

  private Api() {}

  /// Loads the library files in order; the last one is oneDNN.
  static void open(List<Path> files) {
    libraries =
        files.stream().map(f -> SymbolLookup.libraryLookup(f, Arena.global())).toList().reversed();
  }

  static MemorySegment symbol(String name) {
    for (SymbolLookup library : libraries) {
      var found = library.find(name);
      if (found.isPresent()) {
        return found.get();
      }
    }
    throw new IllegalStateException("oneDNN has no function " + name);
  }

  static MethodHandle handle(String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(symbol(name), type);
  }

  private static MethodHandle status(String name, MemoryLayout... arguments) {
    return handle(name, FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /// Throws if a C function did not return `dnnl_success`.
  static void check(int status, String what) {
    if (status != 0) {
      throw new IllegalStateException("oneDNN: " + what + " returned status " + status);
    }
  }

  /// The C functions, looked up at first use.
  static final class C {
    static final MethodHandle VERSION = handle("dnnl_version", FunctionDescriptor.of(ADDRESS));
    static final MethodHandle EFFECTIVE_ISA =
        handle("dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT));
    static final MethodHandle ENGINE_CREATE =
        status("dnnl_engine_create", ADDRESS, JAVA_INT, JAVA_LONG);
    static final MethodHandle STREAM_CREATE =
        status("dnnl_stream_create", ADDRESS, JAVA_LONG, JAVA_INT);
    static final MethodHandle STREAM_DESTROY = status("dnnl_stream_destroy", JAVA_LONG);
    static final MethodHandle DESC_CREATE =
        status(
            "dnnl_memory_desc_create_with_strides", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
    static final MethodHandle DESC_CREATE_TAG =
        status("dnnl_memory_desc_create_with_tag", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    static final MethodHandle DESC_CLONE = status("dnnl_memory_desc_clone", ADDRESS, JAVA_LONG);
    static final MethodHandle DESC_DESTROY = status("dnnl_memory_desc_destroy", JAVA_LONG);
    static final MethodHandle DESC_SIZE =
        handle("dnnl_memory_desc_get_size", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    static final MethodHandle DESC_PART =
        status("dnnl_memory_desc_create_submemory", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle DESC_EQUAL =
        handle("dnnl_memory_desc_equal", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    static final MethodHandle ATTR_CREATE = status("dnnl_primitive_attr_create", ADDRESS);
    static final MethodHandle ATTR_DESTROY = status("dnnl_primitive_attr_destroy", JAVA_LONG);
    static final MethodHandle ATTR_SCRATCHPAD =
        status("dnnl_primitive_attr_set_scratchpad_mode", JAVA_LONG, JAVA_INT);
    static final MethodHandle ATTR_POST_OPS =
        status("dnnl_primitive_attr_set_post_ops", JAVA_LONG, JAVA_LONG);
    static final MethodHandle POST_OPS_CREATE = status("dnnl_post_ops_create", ADDRESS);
    static final MethodHandle POST_OPS_DESTROY = status("dnnl_post_ops_destroy", JAVA_LONG);
    static final MethodHandle POST_OPS_SUM =
        status("dnnl_post_ops_append_sum", JAVA_LONG, JAVA_FLOAT, JAVA_INT, JAVA_INT);
    static final MethodHandle MATMUL_CREATE =
        status(
            "dnnl_matmul_primitive_desc_create",
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);
    static final MethodHandle PD_QUERY_MD =
        handle(
            "dnnl_primitive_desc_query_md",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    static final MethodHandle REORDER_CREATE =
        status(
            "dnnl_reorder_primitive_desc_create",
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);
    static final MethodHandle PD_QUERY =
        status("dnnl_primitive_desc_query", JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS);
    static final MethodHandle PD_NEXT = status("dnnl_primitive_desc_next_impl", JAVA_LONG);
    static final MethodHandle PD_DESTROY = status("dnnl_primitive_desc_destroy", JAVA_LONG);
    static final MethodHandle PRIMITIVE_CREATE =
        status("dnnl_primitive_create", ADDRESS, JAVA_LONG);
    static final MethodHandle PRIMITIVE_DESTROY = status("dnnl_primitive_destroy", JAVA_LONG);
    static final MethodHandle EXECUTE =
        status("dnnl_primitive_execute", JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS);
    static final MethodHandle MEMORY_CREATE =
        status("dnnl_memory_create", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle MEMORY_DESTROY = status("dnnl_memory_destroy", JAVA_LONG);
    static final MethodHandle MEMORY_SET =
        status("dnnl_memory_set_data_handle", JAVA_LONG, JAVA_LONG);
    static final MethodHandle CACHE_CAPACITY =
        status("dnnl_set_primitive_cache_capacity", JAVA_INT);

    private C() {}
  }
}
