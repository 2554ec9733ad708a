// The same arithmetic as a device or compiler without 128-bit integers sees it.
#undef __SIZEOF_INT128__
#include "test_mixture.cpp"
