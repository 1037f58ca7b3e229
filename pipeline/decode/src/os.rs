//! The only unsafe code of the crate: memory shared by two processes, and descriptors that were
//! inherited without being asked for.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Memory that the child writes pictures into and the parent copies them out of: `slots` areas of
/// `slot_bytes` each.
///
/// Its size is sealed, so that neither side can take pages away from under the other.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    address: NonNull<u8>,
    slots: usize,
    slot_bytes: usize,
}

// SAFETY: the mapping belongs to this value alone and may be used and unmapped from any thread.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Makes the memory and maps it for reading: the parent's side. The descriptor is for the child.
    pub(crate) fn create(slots: usize, slot_bytes: usize) -> io::Result<(Self, OwnedFd)> {
        let memory = memfd_create("decode-slots", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&memory, (slots * slot_bytes) as u64)?;
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let mapped = Self::map(memory.as_fd(), slots, slot_bytes, ProtFlags::READ)?;
        Ok((mapped, memory))
    }

    /// Maps the memory for writing: the child's side.
    pub(crate) fn open(memory: BorrowedFd<'_>, slots: usize, slot_bytes: usize) -> io::Result<Self> {
        let size = fstat(memory)?.st_size as usize;
        let sealed = fcntl_get_seals(memory)?.contains(SealFlags::SHRINK);
        if slots.checked_mul(slot_bytes) != Some(size) || !sealed {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Self::map(memory, slots, slot_bytes, ProtFlags::READ | ProtFlags::WRITE)
    }

    fn map(memory: BorrowedFd<'_>, slots: usize, slot_bytes: usize, access: ProtFlags) -> io::Result<Self> {
        // SAFETY: the kernel picks the address, so no existing mapping is touched.
        let address =
            unsafe { mmap(ptr::null_mut(), slots * slot_bytes, access, MapFlags::SHARED, memory, 0)? };
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { address, slots, slot_bytes })
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Copies the beginning of a slot out, so that the other side cannot change it any more; `None` if
    /// the slot does not exist or is not that long.
    pub(crate) fn copy_out(&self, slot: usize, length: usize) -> Option<Vec<u8>> {
        if slot >= self.slots || length > self.slot_bytes {
            return None;
        }
        let mut copy = Vec::with_capacity(length);
        // SAFETY: source and target are `length` bytes of mapped and of freshly reserved memory, and do
        // not overlap. No reference to the shared bytes is made: if the child writes to them meanwhile,
        // the copy is a mixture of old and new bytes, each of them initialised.
        unsafe {
            let source = self.address.as_ptr().add(slot * self.slot_bytes);
            ptr::copy_nonoverlapping(source, copy.as_mut_ptr(), length);
            copy.set_len(length);
        }
        Some(copy)
    }

    /// A slot to write to. For the child only, between the release of the slot and its message.
    pub(crate) fn slot_mut(&mut self, slot: usize) -> &mut [u8] {
        assert!(slot < self.slots, "the slot exists");
        // SAFETY: the range is mapped, writable on the child's side, and borrowed mutably from `self`.
        // The parent only ever reads it.
        unsafe {
            std::slice::from_raw_parts_mut(self.address.as_ptr().add(slot * self.slot_bytes), self.slot_bytes)
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: this value made the mapping, and no reference into it outlives the value.
        // An error can only mean that it is not mapped, which is what is wanted.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.slots * self.slot_bytes) };
    }
}

/// Closes every descriptor but the standard three. For the very beginning of a process.
///
/// C libraries of the parent may have opened descriptors without `O_CLOEXEC`: sockets to a broker,
/// files of other sessions. A decoder has no business with them.
pub(crate) fn close_inherited_descriptors() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    // Collected first, so that the descriptor of the listing itself is closed by its owner.
    let numbers: Vec<i32> =
        open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: nothing in this process has opened a descriptor yet, so none has an owner. Closing one
        // that is gone already is an error without effect.
        unsafe {
            if rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(number)).is_ok() {
                rustix::io::close(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_copies() {
        let (parent, descriptor) = SharedMemory::create(2, 4096).unwrap();
        let mut child = SharedMemory::open(descriptor.as_fd(), 2, 4096).unwrap();
        child.slot_mut(1)[..3].copy_from_slice(b"abc");
        assert_eq!(parent.copy_out(1, 3).unwrap(), b"abc");
        assert_eq!(parent.copy_out(0, 2).unwrap(), [0, 0]);
        assert!(parent.copy_out(2, 1).is_none() && parent.copy_out(0, 4097).is_none());
    }

    #[test]
    fn the_size_is_sealed() {
        let (_parent, descriptor) = SharedMemory::create(1, 4096).unwrap();
        assert!(ftruncate(&descriptor, 0).is_err() && ftruncate(&descriptor, 8192).is_err());
        assert!(SharedMemory::open(descriptor.as_fd(), 2, 4096).is_err());
    }
}
