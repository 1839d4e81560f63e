// REEL_SAME_TARGET: the namespace of another target whose products are this one's too, since what this one has beyond it is of no
// use to them; not defined where there is none. The kernels of products take a third of the library's compile time. Include anew
// for every target, after hwy/foreach_target.h.
#undef REEL_SAME_TARGET
#if HWY_TARGET == HWY_AVX3_DL && (HWY_TARGETS & HWY_AVX3) != 0
#define REEL_SAME_TARGET N_AVX3
#elif HWY_TARGET == HWY_SSE4 && (HWY_TARGETS & HWY_SSSE3) != 0
#define REEL_SAME_TARGET N_SSSE3
#endif
